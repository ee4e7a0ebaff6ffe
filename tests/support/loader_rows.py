"""The rows that tap-impact and Fivetran load for one small account.

Names and nesting are those of the tap's schemas and of the vendor's API. The values are made up.
"""

READ = "2026-03-10T00:05:00Z"
LATER = "2026-03-15T00:05:00Z"


def _action(number: int, amount: float, state: str = "APPROVED", read: str = READ) -> dict:
    return {
        "id": f"1000.1.{number}", "campaign_id": 1000, "campaign_name": "Northwind", "action_tracker_id": 9,
        "media_partner_id": 21005016, "media_partner_name": "Quiet Creek", "state": state, "amount": amount,
        "delta_amount": amount, "payout": 1.5, "currency": "USD", "event_date": "2026-03-05T04:30:00Z",
        "creation_date": "2026-03-05T04:31:00Z", "_sdc_extracted_at": read,
    }  # fmt: skip


def _update(number: int, action: int, at: str, delta: float, state: str, sku: str | None = None) -> dict:
    return {
        "id": f"u{number}", "action_id": f"1000.1.{action}", "campaign_id": 1000, "media_partner_id": 21005016,
        "state": state, "action_date": "2026-03-05T04:30:00Z", "update_date": at, "delta_amount": delta,
        "currency": "USD", "sku": sku, "quantity": 1, "_sdc_extracted_at": LATER,
    }  # fmt: skip


ACTIONS = [
    _action(1, 100.25),
    _action(2, 80, "PENDING"),
    _action(3, 60, "PENDING"),
    _action(4, 50, "PENDING"),
    _action(5, 20, "PENDING"),
    _action(5, 20, "APPROVED", LATER),
]
UPDATES = [
    _update(1, 2, "2026-03-09T10:00:00Z", -20, "PENDING"),
    _update(2, 2, "2026-03-12T10:00:00Z", -30, "REVERSED", "tent"),
    _update(3, 2, "2026-03-12T10:00:00Z", -10, "PENDING", "rope"),
    _update(4, 3, "2026-03-12T10:00:00Z", -35, "REVERSED", "tent"),
    _update(5, 3, "2026-03-13T10:00:00Z", -25, "REVERSED", "rope"),
    _update(6, 4, "2026-03-12T10:00:00Z", -50, "REVERSED"),
    _update(7, 6, "2026-03-11T10:00:00Z", 30, "PENDING"),
    _update(8, 6, "2026-03-12T10:00:00Z", 5.5, "PENDING"),
    _update(9, 7, "2026-03-12T10:00:00Z", -7, "PENDING"),
]
STAGED_ACTIONS = {
    ("1000.1.1", "APPROVED", "100.25"): "no update: staged as loaded",
    ("1000.1.2", "PENDING", "40"): "both items of the later update count; the update before the load does not",
    ("1000.1.3", "REVERSED", "0"): "all items were returned, in two updates",
    ("1000.1.4", "REVERSED", "0"): "reversed as a whole",
    ("1000.1.5", "APPROVED", "20"): "loaded twice: the later row counts",
    ("1000.1.6", "PENDING", "35.5"): "only its updates were loaded",
}
"""Maps an action, its state and amount, as staged, to the reason. 1000.1.7 corrects an action that was never loaded."""

GROUPS = [
    {
        "id": 501, "name": "Gold", "campaign_id": 1000, "_sdc_extracted_at": READ,
        "media_partners": [{"partner_id": 21005016, "partner_name": "Quiet Creek", "partner_uri": "/1"},
                           {"partner_id": 21005032, "partner_name": "Alone", "partner_uri": "/2"}],
    },
    {"id": 502, "name": "Empty", "campaign_id": 1000, "media_partners": None, "_sdc_extracted_at": READ},
]  # fmt: skip


def _joined(program: int) -> dict:
    return {"campaign_id": program, "campaign_name": f"Program {program}", "insertion_order_id": 7,
            "insertion_order_name": "Terms", "join_date": "2026-03-01T05:00:00Z"}  # fmt: skip


TAP_IMPACT = {
    "actions": ACTIONS,
    "action_updates": UPDATES,
    "media_partner_groups": GROUPS,
    "media_partners": [
        {
            "id": 21005016, "name": "Quiet Creek", "relationship_state": "ACTIVE", "_sdc_extracted_at": READ,
            "contact": {"email_address": "mo@quiet.example", "first_name": "Mo", "last_name": "Lead"},
            "campaigns": [_joined(1000), _joined(2000)], "groups": [{"group_id": 501, "group_name": "Gold"}],
        },
        {
            "id": 21005024, "name": "Not Yet", "relationship_state": "INACTIVE", "_sdc_extracted_at": READ,
            "contact": {"email_address": "ny@yet.example", "first_name": "Ny", "last_name": None},
            "campaigns": None, "groups": None,
        },
        {
            "id": 21005032, "name": "Alone", "relationship_state": "ACTIVE", "_sdc_extracted_at": READ,
            "contact": None, "campaigns": [_joined(1000)], "groups": [],
        },
    ],
    "contacts": [
        {"id": "M1369520", "campaign_id": 1000, "first_name": "Desk", "last_name": None,
         "email_address": "desk@quiet.example", "accounts": [{"id": 21005016, "name": "Quiet Creek"}],
         "_sdc_extracted_at": READ},
        {"id": "77", "campaign_id": 1000, "first_name": "Solo", "last_name": "Ann", "email_address": "solo@one.example",
         "accounts": {"account": {"id": 21005032, "name": "Alone"}}, "_sdc_extracted_at": READ},
    ],
}  # fmt: skip


def _contract(name: str, status: str, start: str | None, end: str | None, signed: str, partner: str) -> dict:
    return {
        "id": name, "campaign_id": "1000", "partner_id": partner, "status": status,
        "start_date": start, "end_date": end,
        "brand_signatory_date": "2026-01-01T00:00:00Z" if "brand" in signed else None,
        "partner_signatory_date": "2026-01-01T00:00:00Z" if "partner" in signed else None,
        "date_created": "2025-12-30T00:00:00Z", "date_last_updated": "2026-03-01T00:00:00Z",
        "template_terms": {"template_id": 70001, "version_id": 2, "name": "Standard Terms", "labels": []},
        "_fivetran_synced": READ,
    }  # fmt: skip


BOTH = "brand partner"
CONTRACTS = [
    _contract("S-1", "EXPIRED", "2025-01-01T05:00:00Z", "2026-03-01T04:59:59Z", BOTH, "21005016"),
    _contract("S-2", "ACTIVE", "2026-03-01T00:00:00-05:00", None, BOTH, "21005016"),
    _contract("S-3", "EXPIRED", "2025-01-01T05:00:00Z", "2025-12-31T05:00:00Z", BOTH, "21005032"),
    _contract("S-4", "UPCOMING", "2026-04-01T04:00:00Z", None, BOTH, "21005032"),
    _contract("P-5", "PENDING", None, None, "partner", "21005024"),
    _contract("P-6", "PENDING", None, None, "brand", "21005032"),
    _contract("P-7", "EXPIRED", None, None, "brand", "21005024"),
    _contract("P-8", "DECLINED", None, None, "brand", "21005024"),
    _contract("P-9", "DECLINED", None, None, "partner", "21005024"),
]
STAGED_CONTRACTS = {
    ("S-1", "Expired", "S-2"): "its successor starts one second after it ends",
    ("S-2", "Joined", None): "in force",
    ("S-3", "Expired", None): "the next contract starts three months later",
    ("S-4", "Awaiting Contract Start", None): "starts in the future",
    ("P-5", "Awaiting Advertiser Approval", None): "the partner signed: an application",
    ("P-6", "Awaiting Publisher Approval", None): "the brand signed: a proposal",
    ("P-7", "Pending Contract Expired", None): "never signed by both",
    ("P-8", "Publisher Declined", None): "a proposal that the partner declined",
    ("P-9", "Advertiser Declined", None): "an application that the brand declined",
}
"""Maps a contract, its stage and its successor, as staged, to the reason."""


def _click(journey: str, at: str, partner: str = "21005016") -> dict:
    return {"id": journey, "event_date": at, "campaign_id": "1000", "media_id": partner, "media_name": "Quiet Creek",
            "unique_click": True, "_fivetran_synced": READ}  # fmt: skip


def _as_fivetran(rows: list[dict]) -> list[dict]:
    """Return rows of tap-impact as Fivetran loads them: ids are text, and the load time is `_fivetran_synced`."""
    return [
        {name.replace("_sdc_extracted_at", "_fivetran_synced"): str(value) if name.endswith("id") and value else value
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip


FIVETRAN = {
    "actions": _as_fivetran(ACTIONS),
    "action_updates": _as_fivetran(UPDATES),
    "media_partner_groups": _as_fivetran(GROUPS),
    "contracts": CONTRACTS,
    "clicks": [
        _click("j1", "2026-03-20T03:30:00Z"),
        _click("j1", "2026-03-20T03:31:00Z"),
        _click("j1", "2026-03-20T03:31:00Z"),
        _click("j1", "2026-03-20T04:30:00Z"),
        _click("j2", "2026-03-20T04:30:00Z"),
    ],
    "unsubscribed_contacts": [
        {"campaign_id": "1000", "user_email": "\u00a0Desk@QUIET.example\n", "partner_id": "21005016",
         "created_at": "2026-02-01T00:00:00Z", "updated_at": "2026-02-01T00:00:00Z", "_fivetran_synced": READ},
    ],
    "partners": [
        {
            "id": "21005016", "name": "Quiet Creek", "state": "ACTIVE", "_fivetran_synced": READ,
            "contacts": [{"first_name": "Mo", "last_name": "Lead", "email": "mo@quiet.example", "is_primary": True},
                         {"first_name": "Desk", "last_name": None, "email": "desk@quiet.example", "is_primary": False}],
            "programs": [{"id": "1000", "name": "Northwind", "contract_id": "S-2"},
                         {"id": "2000", "name": "Lumen", "contract_id": "S-22"}],
        },
        {
            "id": "21005024", "name": "Not Yet", "state": "PENDING", "_fivetran_synced": READ,
            "contacts": [{"first_name": "Ny", "last_name": None, "email": "ny@yet.example", "is_primary": True}],
            "programs": None,
        },
        {
            "id": "21005032", "name": "Alone", "state": "EXPIRED", "_fivetran_synced": READ,
            "contacts": [], "programs": [{"id": "1000", "name": "Northwind", "contract_id": "S-3"}],
        },
    ],
}  # fmt: skip
