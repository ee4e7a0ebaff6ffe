"""The SQL statements of a replay, for `constant`. Their temporary tables, and what each has one row per:

simulated_hours           program and hour of the batch, in place of raw.evaluations
simulated_workflows       workflow, with its action and recipients
simulated_addresses       partner and address that is not unsubscribed
simulated_known           workflow, partner and contract (empty for an email) contacted before the replay
simulated_contacted       the same, contacted before the batch
simulated_sends           workflow, partner, contract and hour of a run in the replay at which an email left
simulated_members         workflow, partner and hour of the batch at which the partner is in the segment
simulated_applications    application workflow, contract and hour of the batch
simulated_runs            instant, with the hour of the run that evaluates it: the next one for the end of a day
simulated_over_limit      workflow and hour of the batch at which nothing is sent
simulated_releases        workflow, partner and hour of the batch from which on it may be contacted again
simulated_requests        condition, partner and hour at which it is checked again
simulated_chosen          partner that is checked again
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
    SELECT program_id, partner_id, email, is_primary
    FROM intermediate.int_partner_addresses
    WHERE NOT is_unsubscribed"""

_LEAVES_LATER = """
    known.action = 'email'
    AND (
        known.state IN ('pending', 'leased')
        OR (known.state = 'sent' AND known.delivered_as_of >= CAST(:first AS TIMESTAMP))
    )"""

_IS_LEFT_OUT = f"(known.as_of >= CAST(:first AS TIMESTAMP) OR ({_LEAVES_LATER}))"

SENT_EMAILS = f"""
    SELECT {", ".join(_SENT_COLUMNS)} FROM raw.sent_emails AS known
    WHERE NOT EXISTS (
        SELECT 1 FROM simulated_workflows AS simulated
        WHERE
            simulated.workflow_id = known.workflow_id
            AND {_IS_LEFT_OUT}
    )
    UNION ALL
    SELECT {", ".join(_SIMULATED.get(column, f"NULL AS {column}") for column in _SENT_COLUMNS)}
    FROM simulated_sends AS sends
    INNER JOIN simulated_workflows AS workflows ON sends.workflow_id = workflows.workflow_id"""
"""The ledger without what the simulated workflows did from an instant on, and with what they do in the replay."""

LEFT_OUT = f"""
    SELECT 1
    FROM raw.sent_emails AS known
    INNER JOIN simulated_workflows AS simulated ON known.workflow_id = simulated.workflow_id
    WHERE known.action = 'email' AND {_IS_LEFT_OUT}
    LIMIT 1"""
"""A row if the simulated workflows have emails that the ledger of the replay does not have at its beginning."""

WAITING = f"""
    SELECT known.workflow_id, known.program_id, known.partner_id, known.email, known.as_of, known.reason
    FROM raw.sent_emails AS known
    INNER JOIN simulated_workflows AS simulated ON known.workflow_id = simulated.workflow_id
    WHERE known.as_of < CAST(:first AS TIMESTAMP) AND {_LEAVES_LATER}"""
"""The emails of the simulated workflows that were claimed before an instant and had not left by then."""

SENDING_HOURS = """
    SELECT workflow_id, program_id, partner_id, email, coalesce(delivered_as_of, as_of) AS hour
    FROM raw.sent_emails
    WHERE
        action = 'email'
        AND state IN ('sending', 'sent', 'in_doubt')
        AND coalesce(delivered_as_of, as_of) > CAST(:since AS TIMESTAMP)"""
"""The emails that count for the caps of the contact policy."""

CONTACTED = """
    SELECT DISTINCT workflow_id, program_id, partner_id, coalesce(contract_id, '') AS contract_id
    FROM raw.sent_emails
    WHERE NOT coalesce(failed_before_sending, FALSE)"""

UNSENT = """
    SELECT DISTINCT workflow_id, program_id, partner_id
    FROM raw.sent_emails
    WHERE failed_before_sending"""
"""The partners that were claimed, and may be claimed again since nothing was sent to them."""

NO_SENDS = """
    SELECT workflow_id, program_id, partner_id, contract_id, as_of
    FROM raw.sent_emails
    WHERE FALSE"""

NO_RELEASES = "SELECT workflow_id, program_id, partner_id, as_of FROM raw.sent_emails WHERE FALSE"

NO_REQUESTS = "SELECT workflow_id, program_id, partner_id, as_of FROM raw.sent_emails WHERE FALSE"

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
    WITH members AS (
        SELECT workflow_id, program_id, partner_id, evaluated_at, CAST(NULL AS TIMESTAMP) AS released
        FROM simulated_members
        UNION ALL
        SELECT
            members.workflow_id, members.program_id, members.partner_id, members.evaluated_at,
            releases.as_of AS released
        FROM simulated_members AS members
        INNER JOIN simulated_releases AS releases
            ON members.workflow_id = releases.workflow_id
            AND members.program_id = releases.program_id
            AND members.partner_id = releases.partner_id
        WHERE members.evaluated_at > releases.as_of
    ),
    candidates AS (
        SELECT
            members.workflow_id,
            members.program_id,
            members.partner_id,
            coalesce(applications.contract_id, '') AS contract_id,
            min(members.evaluated_at) AS as_of
        FROM members
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
        WHERE (contacted.workflow_id IS NULL OR members.released IS NOT NULL) AND over.workflow_id IS NULL
        GROUP BY
            members.workflow_id, members.program_id, members.partner_id, applications.contract_id, members.released
    )
    SELECT
        candidates.workflow_id, candidates.program_id, candidates.partner_id, candidates.contract_id,
        addresses.email, runs.run_at
    FROM candidates
    INNER JOIN simulated_runs AS runs ON candidates.as_of = runs.as_of
    INNER JOIN simulated_workflows AS workflows ON candidates.workflow_id = workflows.workflow_id
    INNER JOIN simulated_addresses AS addresses
        ON candidates.program_id = addresses.program_id AND candidates.partner_id = addresses.partner_id
    WHERE workflows.action = 'email' AND (workflows.recipients = 'all' OR addresses.is_primary)
    UNION ALL
    SELECT
        candidates.workflow_id, candidates.program_id, candidates.partner_id, candidates.contract_id,
        '' AS email, runs.run_at
    FROM candidates
    INNER JOIN simulated_runs AS runs ON candidates.as_of = runs.as_of
    INNER JOIN simulated_workflows AS workflows ON candidates.workflow_id = workflows.workflow_id
    WHERE workflows.action <> 'email' AND candidates.contract_id <> ''"""
"""Who may be contacted first at the hour of a run, one row per contact and address (empty for an application)."""

REQUESTED = """
    SELECT members.workflow_id, members.program_id, members.partner_id, members.evaluated_at
    FROM rechecked_members AS members
    INNER JOIN simulated_requests AS requests
        ON members.workflow_id = requests.workflow_id
        AND members.program_id = requests.program_id
        AND members.partner_id = requests.partner_id
        AND members.evaluated_at = requests.as_of"""
"""The requested checks that hold. `rechecked_members` are the members of one segment per condition."""
