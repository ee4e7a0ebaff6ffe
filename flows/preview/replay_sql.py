"""The SQL statements of a replay, for `constant`. Their temporary tables, and what each has one row per:

simulated_workflows       workflow, with its action and recipients
simulated_addresses       partner, with its number of addresses that are not unsubscribed: all, and the primary one
simulated_contacted       workflow, partner and contract (empty for an email) contacted so far
simulated_sends           workflow, partner and contract contacted in the replay, with the hour of the run and emails
simulated_members         workflow, partner and hour of the batch at which the partner is in the segment
simulated_applications    application workflow, contract and hour of the batch
simulated_runs            instant, with the hour of the run that evaluates it: the next one for the end of a day
simulated_over_limit      workflow and hour of the batch at which nothing is sent
simulated_candidates      workflow, partner and contract, with the first hour of the batch at which it is due
simulated_new             candidate that is contacted now
simulated_before          row of simulated_sends before the segments of the batch that depend on our own emails
simulated_undone          workflow, partner and contract contacted since then, whose contact is undone
simulated_events          row of int_transition_events, with the emails of the replay
simulated_history         row of fct_relationship_history, computed from these

Where they read raw.sent_emails, the ledger of the replay (SENT_EMAILS) is in its place.
"""

from flows.warehouse.raw_tables import raw_columns

NO_RUNS = "SELECT CAST(NULL AS TIMESTAMP) AS as_of, CAST(NULL AS TIMESTAMP) AS run_at WHERE FALSE"

_SENT_COLUMNS = raw_columns("sent_emails")

_SIMULATED = {
    "workflow_id": "sends.workflow_id",
    "program_id": "sends.program_id",
    "partner_id": "sends.partner_id",
    "contract_id": "sends.contract_id",
    "action": "workflows.action",
    "state": "'sent'",
    "run_id": "'simulated'",
    "as_of": "sends.as_of",
    "sent_at": "sends.as_of",
}

ADDRESSES = """
    SELECT
        program_id,
        partner_id,
        sum(CASE WHEN is_unsubscribed THEN 0 ELSE 1 END) AS open_to_all,
        sum(CASE WHEN is_primary AND NOT is_unsubscribed THEN 1 ELSE 0 END) AS open_to_primary
    FROM intermediate.int_partner_addresses
    GROUP BY program_id, partner_id"""

SENT_EMAILS = f"""
    SELECT {", ".join(_SENT_COLUMNS)} FROM raw.sent_emails AS known
    WHERE NOT EXISTS (
        SELECT 1 FROM simulated_workflows AS simulated
        WHERE simulated.workflow_id = known.workflow_id AND known.as_of >= CAST(:first AS TIMESTAMP)
    )
    UNION ALL
    SELECT {", ".join(_SIMULATED.get(column, f"NULL AS {column}") for column in _SENT_COLUMNS)}
    FROM simulated_sends AS sends
    INNER JOIN simulated_workflows AS workflows ON sends.workflow_id = workflows.workflow_id"""
"""The ledger without what the simulated workflows did from an instant on, and with what they do in the replay."""

CONTACTED = """
    SELECT DISTINCT workflow_id, program_id, partner_id, coalesce(contract_id, '') AS contract_id
    FROM raw.sent_emails"""

NO_SENDS = """
    SELECT workflow_id, program_id, partner_id, contract_id, as_of, CAST(0 AS BIGINT) AS emails
    FROM raw.sent_emails
    WHERE FALSE"""

OVER_LIMIT = """
    SELECT members.workflow_id, members.evaluated_at AS as_of, count(DISTINCT addresses.email) AS addresses
    FROM simulated_members AS members
    INNER JOIN simulated_workflows AS workflows ON members.workflow_id = workflows.workflow_id
    INNER JOIN intermediate.int_partner_addresses AS addresses
        ON members.program_id = addresses.program_id AND members.partner_id = addresses.partner_id
    WHERE workflows.action = 'email' AND (workflows.recipients = 'all' OR addresses.is_primary)
    GROUP BY members.workflow_id, members.evaluated_at
    HAVING count(DISTINCT addresses.email) > :limit"""

CANDIDATES = """
    SELECT
        members.workflow_id,
        members.program_id,
        members.partner_id,
        coalesce(applications.contract_id, '') AS contract_id,
        min(members.evaluated_at) AS as_of,
        max(CASE WHEN workflows.action <> 'email' THEN 0
            WHEN workflows.recipients = 'all' THEN addresses.open_to_all
            ELSE addresses.open_to_primary END) AS emails
    FROM simulated_members AS members
    INNER JOIN simulated_workflows AS workflows ON members.workflow_id = workflows.workflow_id
    LEFT JOIN simulated_addresses AS addresses
        ON members.program_id = addresses.program_id AND members.partner_id = addresses.partner_id
    LEFT JOIN simulated_applications AS applications
        ON members.workflow_id = applications.workflow_id
        AND members.program_id = applications.program_id
        AND members.partner_id = applications.partner_id
        AND members.evaluated_at = applications.evaluated_at
    LEFT JOIN simulated_contacted AS contacted
        ON members.workflow_id = contacted.workflow_id
        AND members.program_id = contacted.program_id
        AND members.partner_id = contacted.partner_id
        AND coalesce(applications.contract_id, '') = contacted.contract_id
    LEFT JOIN simulated_over_limit AS over
        ON members.workflow_id = over.workflow_id AND members.evaluated_at = over.as_of
    WHERE
        contacted.workflow_id IS NULL
        AND over.workflow_id IS NULL
        AND (
            (workflows.action = 'email' AND workflows.recipients = 'all' AND addresses.open_to_all > 0)
            OR (workflows.action = 'email' AND workflows.recipients <> 'all' AND addresses.open_to_primary > 0)
            OR applications.contract_id IS NOT NULL
        )
    GROUP BY members.workflow_id, members.program_id, members.partner_id, applications.contract_id"""

OF_EACH_HOUR = "SELECT workflow_id, program_id, partner_id, contract_id, as_of, emails FROM simulated_candidates"

OF_THE_FIRST_HOUR = """
    SELECT workflow_id, program_id, partner_id, contract_id, as_of, emails
    FROM (
        SELECT *, min(as_of) OVER (PARTITION BY program_id, partner_id) AS first_hour FROM simulated_candidates
    ) AS candidates
    WHERE as_of = first_hour"""

RECORD = (
    """
    INSERT INTO simulated_sends
    SELECT found.workflow_id, found.program_id, found.partner_id, found.contract_id, runs.run_at, found.emails
    FROM simulated_new AS found
    INNER JOIN simulated_runs AS runs ON found.as_of = runs.as_of""",
    "INSERT INTO simulated_contacted SELECT workflow_id, program_id, partner_id, contract_id FROM simulated_new",
)

SINCE_BEFORE = """
    SELECT sends.workflow_id, sends.program_id, sends.partner_id, sends.contract_id
    FROM simulated_sends AS sends
    LEFT JOIN simulated_before AS earlier
        ON sends.workflow_id = earlier.workflow_id
        AND sends.program_id = earlier.program_id
        AND sends.partner_id = earlier.partner_id
        AND sends.contract_id = earlier.contract_id
    WHERE earlier.workflow_id IS NULL"""

UNDO = tuple(
    f"""
    DELETE FROM {table}
    WHERE EXISTS (
        SELECT 1 FROM simulated_undone AS undone
        WHERE
            undone.workflow_id = {table}.workflow_id
            AND undone.program_id = {table}.program_id
            AND undone.partner_id = {table}.partner_id
            AND undone.contract_id = {table}.contract_id
    )"""
    for table in ("simulated_contacted", "simulated_sends")
)
