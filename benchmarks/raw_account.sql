-- The rows of a raw account, whose size is given by these variables: partners, click_days (rows of partner_clicks_daily),
-- months (how far activity goes back), skew (exponent by which activity differs between partners; 0: all have the same),
-- seed. Random numbers are computed from integers, never with hash(), so the same variables give the same rows with every
-- version of DuckDB. The account is a snapshot of 2026-03-20 18:00 UTC.

-- A pseudo-random number below 2^32. `i` is below 2^32; each use has a `salt` of its own.
create or replace temp macro mixed(x) as xor(x, x >> 16) * 73244475 % 4294967296;
create or replace temp macro draw(i, salt) as
    mixed(mixed(mixed((i + 668265263 * cast(salt as bigint) + 374761393 * cast(getvariable('seed') as bigint)) % 4294967296)));

create or replace temp macro snapshot_at() as timestamp '2026-03-20 18:00:00';

-- When a row was loaded: an hour after the instant at which it was known, and never after the account's hour.
create or replace temp macro loaded(moment) as least(moment + interval 1 hour, snapshot_at() - interval 10 minutes);

insert into raw.programs values
    ('1000', 'Northwind Outdoor', 'performance', 'America/New_York', 'USD', loaded(snapshot_at())),
    ('2000', 'Lumen Creator Collective', 'creator', 'Asia/Kolkata', 'INR', loaded(snapshot_at()));

-- Nine partners in ten are in program 1000. `since` is the instant of a partner's last transition.
create or replace temp table people as
select
    i,
    case when i % 10 = 0 then '2000' else '1000' end as program_id,
    cast(10000000 + i as varchar) as partner_id,
    case
        when draw(i, 1) % 100 < 60 then 'Joined'
        when draw(i, 1) % 100 < 70 then 'Expired'
        when draw(i, 1) % 100 < 75 then 'Awaiting Advertiser Approval'
        when draw(i, 1) % 100 < 85 then 'Awaiting Publisher Approval'
        when draw(i, 1) % 100 < 95 then 'Tagged'
        else 'None'
    end as stage,
    snapshot_at() - to_seconds(cast(draw(i, 2) % (getvariable('months') * 2 * 30 * 86400) as bigint)) as since
from range(getvariable('partners')) as numbers (i);

insert into raw.partners
select program_id, partner_id, 'Partner ' || i, case i % 3 when 0 then 'de' when 1 then 'en-US' end, loaded(since)
from people
order by i;

insert into raw.partner_contacts
select
    program_id, partner_id, 'partner.' || i || '@example.com', 'Partner', cast(i as varchar), true,
    case when draw(i, 3) % 100 < 3 then since end, loaded(since)
from people
where draw(i, 4) % 100 < 98
union all
select program_id, partner_id, 'desk.' || i || '@example.net', 'Desk', null, false, null, loaded(since)
from people
where draw(i, 5) % 100 < 20;

insert into raw.partner_groups
select program_id, 'g' || draw(i, 6) % 20, partner_id, 'Group ' || draw(i, 6) % 20, loaded(since)
from people
where draw(i, 7) % 100 < 40
order by i;

-- One joined partner in ten has a contract that superseded another.
insert into raw.contracts
select
    program_id, 'S-' || i, partner_id, stage, 't' || draw(i, 8) % 6, 'Terms ' || draw(i, 8) % 6,
    case
        when stage = 'Joined' then since
        when stage = 'Expired' then since - interval 200 day
    end,
    case when stage = 'Expired' then since end,
    null, since - interval 205 day, since, loaded(since)
from people
where stage not in ('Tagged', 'None')
union all
select
    program_id, 'S-' || i || '-old', partner_id, 'Expired', 't' || draw(i, 8) % 6, 'Terms ' || draw(i, 8) % 6,
    since - interval 200 day, since, 'S-' || i, since - interval 205 day, since, loaded(since)
from people
where stage = 'Joined' and draw(i, 9) % 10 = 0;

insert into raw.prospects
select program_id, partner_id, since - interval 240 day, loaded(since)
from people
where stage = 'Tagged' or draw(i, 10) % 100 < 30
order by i;

insert into raw.relationship_events
select program_id, partner_id, since - interval 220 day, 'Outreach', loaded(since)
from people
where stage in ('Joined', 'Expired') and draw(i, 11) % 100 < 10
order by i;

-- The partners that may have clicks, and the range of days: from joining (at most `months` ago) to the hour or the
-- end of the contract.
create or replace temp table active as
select
    *, cast(round(1000000 * pow((draw(i, 12) % 1000000 + 1) / 1000000.0, -getvariable('skew'))) as bigint) as weight
from (
    select
        i, program_id, partner_id,
        case when stage = 'Expired' then date_diff('day', cast(since as date), cast(snapshot_at() as date)) else 0 end as newest,
        least(
            getvariable('months') * 30 - 1,
            date_diff('day', cast(since as date), cast(snapshot_at() as date))
            + case when stage = 'Expired' then 200 else 0 end
        ) as oldest
    from people
    where stage in ('Joined', 'Expired')
) as joined
where oldest >= newest;

-- A partner's number of days with clicks is its weight times a factor, at most all days. The search finds the factor at
-- which the total is `click_days`.
create or replace temp table factors as
with recursive search as (
    select 0 as step, cast(0 as double) as low, cast(getvariable('click_days') as double) as high

    union all

    select
        step + 1,
        case when made < getvariable('click_days') then (low + high) / 2 else low end,
        case when made < getvariable('click_days') then high else (low + high) / 2 end
    from (
        select
            search.step, search.low, search.high,
            (
                select sum(least(oldest - newest + 1, cast(floor(weight * (search.low + search.high) / 2000000) as bigint)))
                from active
            ) as made
        from search
    ) as tried
    where step < 60
)

select high as factor from search where step = 60;

create or replace temp table click_days as
select
    i, program_id, partner_id, days, k, i * 1024 + k as number,
    cast(newest + (k * (oldest - newest + 1) + draw(i, 13) % (oldest - newest + 1)) // days as integer) as days_ago
from (
    select *, least(oldest - newest + 1, cast(floor(weight * (select factor from factors) / 1000000) as bigint)) as days
    from active
) as counted, range(days) as numbers (k);

insert into raw.partner_clicks_daily
select
    program_id, partner_id, cast(snapshot_at() as date) - days_ago, 1 + draw(number, 14) % 40,
    loaded(cast(cast(snapshot_at() as date) - days_ago as timestamp) + interval 30 hour)
from click_days;

-- One day with clicks in three has a sale. Sales of the last thirty days are pending; some are reversed or corrected
-- later.
insert into raw.actions
select
    program_id, program_id || '.' || i || '.' || k, partner_id, event_at,
    case
        when event_at > snapshot_at() - interval 30 day then 'PENDING'
        when draw(number, 15) % 100 < 8 then 'REVERSED'
        else 'APPROVED'
    end,
    cast(500 + draw(number, 16) % 20000 as decimal(28, 8)) / 100,
    case program_id when '1000' then 'USD' else 'INR' end, updated_at, loaded(updated_at)
from (
    select
        *,
        case when draw(number, 15) % 100 < 12 then least(event_at + interval 20 day, snapshot_at()) else event_at end
            as updated_at
    from (
        select
            *,
            cast(cast(snapshot_at() as date) - days_ago as timestamp)
            + to_seconds(cast(draw(number, 17) % case when days_ago = 0 then 64000 else 86400 end as bigint)) as event_at
        from click_days
        where draw(number, 18) % 3 = 0
    ) as dated
) as settled;
