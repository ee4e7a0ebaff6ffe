"""The members of each workflow of the example account (seeds/), derived by hand from the help page and the rows.

As of 2026-03-20T18:00:00Z: 20 March, 14:00 in New York (program 1000) and 23:30 in Kolkata (program 2000). Dates are
those of the program. Days ago: 1 is 19 March, 7 is 13 March, 14 is 6 March, 30 is 18 February, 31 is 17 February,
60 is 19 January, 90 is 20 December. No email was sent before, so Relationship Stage comes from contracts, prospects and
supplied events only.
"""

MEMBERS: dict[str, dict[str, str]] = {
    "prospect-invite": {
        "33001007": "tagged 20 March 00:10 in Kolkata (18:40 UTC the day before)",
        "33001015": "tagged 20 March 00:00 in Kolkata, the first instant of today",
        "33001023": "tagged 20 March 14:00",
        "33001031": "tagged 20 March 18:05",
        "33001049": "supplied New 20 March 10:00, from Expired",
    },
    "prospect-follow-up-7": {
        "33001072": "Outreach 13 March; today's tag does not move Outreach",
        "33002005": "Outreach 13 March 00:05 in Kolkata (12 March in UTC)",
        "33002013": "Outreach 13 March 23:55 in Kolkata",
        "33002039": "proposal sent 13 March 16:00: None to Outreach",
        "21009000": "Outreach 13 March in this program",
    },
    "prospect-follow-up-14": {
        "33003003": "Outreach 6 March 00:00 in Kolkata, the first instant of that day",
        "33003029": "Outreach 6 March; the proposal of 13 March does not move Outreach",
        "33002062": "supplied Outreach 6 March; that of 13 March repeats it, a restatement",
    },
    "accept-applications": {
        "33001106": "applied under the term on 20 March",
        "33002039": "proposal under the term awaits the partner: in play",
        "33004001": "joined under the term: in force",
        "33005008": "applied under the term on 10 February",
        "33005016": "countered under the term: in play",
        "33005024": "signed under the term, starts 1 April: in play",
        "33005032": "joined under the term, and applied under it again",
    },
    "prospect-welcome": {
        "33004001": "contract starts 20 March 11:30",
        "33004019": "contract starts 20 March 00:00 in Kolkata, the first instant of today",
        "33004027": "superseding contract starts 20 March 10:00: Joined to Joined",
    },
    "welcome": {
        "21004711": "contract starts 20 March 09:00",
        "21004729": "contract starts 20 March 00:00 in New York, the first instant of today",
        "21004737": "superseding contract starts 20 March 08:00: Joined to Joined",
        "21009000": "contract starts 20 March 09:30 in this program",
        "21004745": "contract starts 20 March 07:15 (no contact, still a member)",
        "21004753": "contract starts 20 March 11:00",
        "21004761": "contract starts 20 March 10:30",
        "21004779": "Expired 8 February, new contract starts 20 March 06:00",
        "31e4": "supplied Joined 20 March 12:00",
        "21004829": "supplied Expired 20 March 08:00; a contract starts at 10:00, and another stage replaces nothing",
    },
    "first-action-30": {
        "21005206": "joined 18 February = 30 days ago; 45.00 on 1 March",
        "21005214": "joined 18 February = 30 days ago; 30.00 that day at 23:45 = 30 days ago",
        "21006005": "joined 10 March = 10 days ago; 19.99 on 19 March 23:45 = 1 day ago",
        "21006039": "joined 8 March = 12 days ago; 640.00 on 10 March",
        "21006047": "joined 8 March = 12 days ago; 1,010.00 on 10 March",
        "21006054": "joined 1 March = 19 days ago; 999.00 in 3 to 5 March",
        "21006062": "joined 1 March = 19 days ago; 999.50 on 9 March",
        "21006070": "joined 2 March = 18 days ago; 900.00 on 6 March",
        "21006088": "joined 23 February = 25 days ago; 9,999.01 in 2 to 16 March",
        "21006096": "new contract 15 March = 5 days ago; 1,300.00 on 28 February = 20 days ago",
        "21006112": "joined 2 March = 18 days ago; 400.00 on 11 March",
    },
    "first-action-30-60": {
        "21005214": "joined 18 February = 30 days ago; 30.00 that day at 23:45 = 30 days ago",
        "21005313": "joined 19 January = 60 days ago; 1,500.00 that day at 23:45 = 60 days ago",
        "21005321": "joined 19 January = 60 days ago; 12,000.00 that day",
        "21006203": "joined 8 February = 40 days ago; 25.00 on 18 February 23:45 = 30 days ago",
        "21006229": "joined 15 February = 33 days ago; 1,000.00 on 17 February = 31 days ago",
        "21006237": "joined 15 February = 33 days ago; 1,000.00 on 18 February = 30 days ago",
        "21006245": "joined 3 February = 45 days ago; 5,000.00 on 8 February = 40 days ago",
        "21006252": "joined 29 January = 50 days ago; 9,999.00 on 3 February = 45 days ago",
        "21006302": "Joined 8 February = 40 days ago, never Expired; 120.00 on 13 February = 35 days ago",
    },
    "high-revenue-1-30": {
        "21006047": "joined 12 days ago; 1,010.00 after the correction, on 10 March = 10 days ago",
        "21006062": "joined 19 days ago; 999.50 > 999 on 9 March = 11 days ago",
        "21006088": "joined 25 days ago; 9,000.00 + 999.01 on 2 and 16 March = 18 and 4 days ago",
        "21006096": "new contract 5 days ago; 1,300.00 on 28 February = 20 days ago",
    },
    "high-revenue-31-60": {
        "21005313": "joined 60 days ago; 1,500.00 on 19 January 23:45 = 60 days ago",
        "21005321": "joined 60 days ago; 12,000.00 on 19 January = 60 days ago",
        "21006229": "joined 33 days ago; 1,000.00 on 17 February 23:45 = 31 days ago",
        "21006245": "joined 45 days ago; 5,000.00 on 8 February = 40 days ago",
        "21006252": "joined 50 days ago; 9,999.00 on 3 February = 45 days ago",
    },
    "few-clicks-14": {
        "21005016": "joined 6 March 23:30 in New York; 60 + 39 = 99 clicks",
        "21005024": "joined 6 March 00:00 in New York; no row is 0 clicks",
        "21005032": "superseding contract 6 March; 40 clicks since (the last before were on 5 March = 15 days ago)",
        "21005040": "Expired 6 March 09:00, supplied Joined at 15:00; 12 clicks",
        "21009018": "joined 6 March 13:30 (13 days 23.5 hours ago: the clocks went forward); 20 clicks here",
        "21005107": "joined 6 March; 3 clicks",
    },
    "few-clicks-30": {
        "21005206": "joined 18 February; 50 + 49 = 99 clicks",
        "21005214": "joined 18 February 21:00 in New York; 20 clicks",
    },
    "few-clicks-60": {
        "21005305": "joined 19 January; no row is 0 clicks",
        "21005313": "joined 19 January; 50 clicks",
        "21005339": "superseding contract 19 January; 10 clicks since (400 on 18 January = 61 days ago)",
    },
    "few-clicks-90": {
        "0042917": "joined 20 December; no row is 0 clicks",
        "21005404": "joined 20 December 00:00 in New York; 33 + 33 + 33 = 99 clicks",
        "21005412": "joined 20 December, a proposal does not move Joined; 10 clicks",
        "21005420": "joined 20 December, a counter-proposal does not move Joined; 5 clicks",
    },
    "revenue-1000": {
        "21006047": "joined 12 days ago; 1,010.00 after the correction, 10 days ago",
        "21006062": "joined 19 days ago; 999.50 > 999",
        "21006088": "joined 25 days ago; 9,999.01",
        "21006096": "new contract 5 days ago; 1,300.00 on 28 February = 20 days ago",
    },
    "revenue-10000": {
        "21005321": "joined 60 days ago; 12,000.00 on 19 January = 60 days ago",
        "21006088": "joined 25 days ago; 9,999.01 > 9999",
        "21006245": "joined 45 days ago; 5,000.00 + 5,200.00 = 10,200.00, 40 and 5 days ago",
        "21006278": "joined 13 February = 35 days ago; 11,000.00 on 17 March = 3 days ago",
    },
}

NOT_MEMBERS: dict[str, dict[str, str]] = {
    "prospect-invite": {
        "33001064": "tagged within 24 hours, but on 19 March 23:59:59",
        "33001056": "tagged today, but Outreach since the proposal of 17 March, which it declined",
        "33001072": "tagged today, but Outreach already",
        "33001080": "tagged today, but New since 18 February: a tag moves only None",
        "33001098": "tagged today, but sent a proposal after that: Outreach",
        "33001106": "tagged today, but applied after that: Negotiating",
        "21004837": "tagged today, but in program 1000",
    },
    "prospect-follow-up-7": {
        "33002021": "13 March in UTC, but 14 March 00:15 in Kolkata",
        "33002047": "Outreach 13 March, but countered since: Negotiating",
        "33002054": "proposal sent 13 March, but a proposal does not move Expired",
        "33002062": "supplied Outreach 13 March, but that repeats 6 March",
        "33003029": "proposal sent 13 March, but Outreach since 6 March: it does not move Outreach",
    },
    "prospect-follow-up-14": {
        "33003037": "Outreach 6 March, but applied 8 March, declined since: Negotiating",
        "33004001": "Outreach 6 March, but joined today",
    },
    "accept-applications": {
        "33003037": "application under the term, but declined",
        "33004027": "contract under the term, but superseded by one under another",
        "33005040": "contract under the term expired; the application is under another term",
        "33005057": "all under the term lapsed or was retracted",
        "33005065": "applied under Creator Standard Terms (2024), another name",
        "21009000": "contract under a term of that name, but in program 1000",
    },
    "prospect-welcome": {
        "33004035": "joined within 24 hours, but on 19 March 23:45",
        "33005024": "signed, but starts on 1 April",
        "33005032": "Joined, but since 2025: the new application does not move it",
    },
    "welcome": {
        "21004787": "20 March in UTC, but 19 March 23:59:59 in New York",
        "21004795": "starts at midnight UTC, which is 19 March 20:00 in New York",
        "21004803": "starts today, but at 18:00, after the hour",
    },
    "first-action-30": {
        "21005107": "its only action is worth 0.00",
        "21005065": "its only revenue is of today, and Last 30 Days is 1 to 30",
        "21006013": "its only action is of today, and after the hour",
        "21006021": "its only sale is REVERSED",
        "21006104": "sold 18 February in UTC, but 17 February 23:45 = 31 days ago in New York",
        "21006278": "sold 3 days ago, but joined 35 days ago",
        "21006237": "sold 18 February = 30 days ago, but joined 33 days ago",
    },
    "first-action-30-60": {
        "21006211": "sold 19 January in UTC, but 18 January 23:45 = 61 days ago in New York",
        "21006278": "joined 35 days ago, but sold 3 days ago",
        "21006286": "joined 18 January = 61 days ago",
        "21006294": "joined 50 days ago, but expired 10 days ago",
        "21005206": "joined 30 days ago, but sold on 1 March = 19 days ago",
    },
    "high-revenue-1-30": {
        "21006039": "1,240.00 corrected to 640.00",
        "21006054": "221.83 + 512.45 + 264.72 = 999.00 is not more than 999",
        "21006070": "900.00 counts, 500.00 is REVERSED",
        "21006112": "400.00 only; three contacts or click days must not multiply it",
        "21006245": "5,200.00 on 15 March, but joined 45 days ago",
    },
    "high-revenue-31-60": {
        "21006237": "1,000.00 on 18 February 00:15 = 30 days ago",
        "21006278": "11,000.00, but 3 days ago",
        "21006286": "20,000.00 on 25 January = 54 days ago, but joined 61 days ago",
        "21006294": "3,000.00 on 8 February = 40 days ago, but Expired",
    },
    "few-clicks-14": {
        "21005057": "60 + 40 = 100 clicks is not less than 100",
        "21005065": "99 + 1 today = 100 clicks: the window includes today",
        "21005073": "60 on 6 March = 14 days ago, + 45 = 105 clicks: the window is 15 dates",
        "21005081": "joined 6 March in UTC, but 5 March 23:30 in New York",
        "21005099": "supplied Joined 6 March, but its contract ended 7 March: Expired",
    },
    "few-clicks-30": {
        "21005222": "1 click on 18 February = 30 days ago, + 99 = 100 clicks",
        "21005230": "joined 18 February in UTC, but 17 February 23:30 in New York",
    },
    "few-clicks-60": {
        "21005321": "joined 60 days ago, but 800 clicks",
        "21006286": "10 clicks, but joined 18 January = 61 days ago",
    },
    "few-clicks-90": {
        "42917": "4,000 clicks; the same number as 0042917, another partner",
        "21005438": "joined 20 December without a click, but expired 17 March",
    },
    "revenue-1000": {
        "21006039": "1,240.00 corrected to 640.00",
        "21006054": "exactly 999.00 is not more than 999",
        "21006070": "900.00 counts, 500.00 is REVERSED",
        "21006021": "its 1,200.00 is REVERSED",
    },
    "revenue-10000": {
        "21006252": "exactly 9,999.00 is not more than 9999",
        "21006286": "20,000.00 on 25 January, but joined 61 days ago",
    },
}

# The contracts that accept-applications accepts: those of its members that await our approval under the term.
APPLICATIONS: dict[str, str] = {
    "33001106": "P-25200003",
    "33005008": "P-25200009",
    "33005032": "P-25200012",
}
