"""Webhook payloads and bounce messages about a delivery, in exactly the shapes that mail providers send.

All values are made up. Sources: SendGrid "Event Webhook Reference", Amazon SES "Examples of event data that is
published to SNS", Postmark "Webhooks overview", Mailgun "Event structure", RFC 3464 and RFC 5965.
"""

import hashlib
import json
from datetime import UTC, datetime

SENT = datetime(2026, 3, 20, 18, 0, 5, tzinfo=UTC)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def sendgrid(events: list[dict]) -> str:
    """Return the body of a request of the event webhook: an array of events from `sendgrid_event`."""
    return json.dumps(events)


def sendgrid_event(delivery_id: str, email: str, event: str, at: datetime = SENT, **more) -> dict:
    """Return an event, with our custom argument at the top level."""
    return {
        "email": email,
        "timestamp": int(at.timestamp()),
        "smtp-id": f"<{delivery_id}@example.com>",
        "event": event,
        "category": ["partnerflow"],
        "sg_event_id": _hash("sendgrid", delivery_id, event, at.isoformat()),
        "sg_message_id": f"{_hash('message', delivery_id)[:22]}.recvd-5dd8f4c6d8-xxxxx-1-65F1A2B3-4F.0",
        "delivery_id": delivery_id,
    } | more


def ses(delivery_id: str, email: str, event: str, at: datetime = SENT, **more) -> str:
    """Return a notification of SNS whose Message is the event as text. `more` is merged into the event's own object."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    own = {
        "Bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "timestamp": stamp, "feedbackId": "0100018e-1",
            "bouncedRecipients": [{"emailAddress": email, "action": "failed", "status": "5.1.1",
                                   "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
            "reportingMTA": "dsn; a8-70.smtp-out.amazonses.com",
        },
        "Complaint": {"complainedRecipients": [{"emailAddress": email}], "timestamp": stamp, "feedbackId": "0100018e-2",
                      "complaintFeedbackType": "abuse", "userAgent": "Yahoo!-Mail-Feedback/2.0"},
        "Delivery": {"timestamp": stamp, "processingTimeMillis": 546, "recipients": [email],
                     "smtpResponse": "250 2.6.0 Message received", "reportingMTA": "a8-53.smtp-out.amazonses.com"},
        "Open": {"ipAddress": "192.0.2.1", "timestamp": stamp, "userAgent": GMAIL},
        "Click": {"ipAddress": "192.0.2.1", "timestamp": stamp, "userAgent": GMAIL, "link": "https://example.com/"},
        "Send": {},
    }[event]  # fmt: skip
    message = {
        "eventType": event,
        event.lower(): own | more,
        "mail": {
            "timestamp": SENT.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "source": "partners@example.com",
            "sendingAccountId": "123456789012",
            "messageId": f"0100018e-{_hash('ses', delivery_id)[:12]}-000000",
            "destination": [email],
            "headersTruncated": False,
            "headers": [
                {"name": "To", "value": email},
                {"name": "Message-ID", "value": f"<{delivery_id}@example.com>"},
            ],
            "commonHeaders": {"to": [email], "messageId": f"<{delivery_id}@example.com>", "subject": "Hello"},
            "tags": {"ses:configuration-set": ["partnerflow"], "delivery_id": [delivery_id]},
        },
    }
    return json.dumps(sns(json.dumps(message), _uuid("sns", delivery_id, event, stamp), stamp))


def sns(message: str, message_id: str, stamp: str) -> dict:
    """Return an envelope of Amazon SNS that is not signed."""
    return {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:partnerflow",
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": stamp,
        "SignatureVersion": "2",
        "Signature": "not signed",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    }


def postmark(delivery_id: str, email: str, kind: str, at: datetime = SENT, **more) -> str:
    """Return the body of a webhook request: one object."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    common = {
        "RecordType": kind, "ServerID": 23, "MessageStream": "outbound", "Tag": "partnerflow",
        "MessageID": _uuid("postmark", delivery_id), "Metadata": {"delivery_id": delivery_id},
    }  # fmt: skip
    own = {
        "Delivery": {"Recipient": email, "DeliveredAt": stamp, "Details": "Test delivery webhook details"},
        "Bounce": {"ID": int(_hash("bounce", delivery_id)[:12], 16), "Type": "HardBounce", "TypeCode": 1,
                   "Name": "Hard bounce", "Description": "The server was unable to deliver your message.",
                   "Details": "550 5.1.1 no such user", "Email": email, "From": "partners@example.com",
                   "BouncedAt": stamp, "DumpAvailable": False, "Inactive": True, "CanActivate": True},
        "Open": {"Recipient": email, "ReceivedAt": stamp, "FirstOpen": True, "Platform": "Desktop", "UserAgent": GMAIL,
                 "Client": {"Name": "Chrome", "Company": "Google", "Family": "Chrome"}},
        "Click": {"Recipient": email, "ReceivedAt": stamp, "ClickLocation": "HTML", "Platform": "Desktop",
                  "OriginalLink": "https://example.com/", "UserAgent": GMAIL},
        "SpamComplaint": {"ID": int(_hash("spam", delivery_id)[:12], 16), "Type": "SpamComplaint", "TypeCode": 512,
                          "Email": email, "BouncedAt": stamp},
        "SubscriptionChange": {"Recipient": email, "ChangedAt": stamp, "Origin": "Recipient", "SuppressSending": True,
                               "SuppressionReason": "ManualSuppression"},
    }[kind]  # fmt: skip
    return json.dumps(common | own | more)


def mailgun(delivery_id: str, email: str, event: str, at: datetime = SENT, **more) -> str:
    """Return the body of a webhook request, with its signature beside the event."""
    seconds = at.timestamp()
    data = {
        "id": _hash("mailgun", delivery_id, event, str(seconds))[:22],
        "timestamp": seconds,
        "event": event,
        "log-level": "info",
        "recipient": email,
        "recipient-domain": email.rpartition("@")[2],
        "message": {"headers": {"to": email, "message-id": f"{delivery_id}@example.com", "subject": "Hello"}},
        "flags": {"is-routed": False, "is-authenticated": True, "is-system-test": False, "is-test-mode": False},
        "user-variables": {"delivery_id": delivery_id},
        "tags": [],
    }
    if event in ("delivered", "failed"):
        data["delivery-status"] = {"code": 250, "message": "OK", "description": "", "attempt-no": 1, "tls": True}
    if event in ("opened", "clicked"):
        data |= {
            "ip": "192.0.2.1",
            "client-info": {"client-type": "browser", "client-name": "Chrome", "user-agent": GMAIL},
        }
    signature = {"timestamp": str(int(seconds)), "token": _hash(data["id"])[:50], "signature": "not signed"}
    return json.dumps({"signature": signature, "event-data": data | more})


def bounce_message(
    delivery_id: str, email: str, status: str = "5.1.1", action: str = "failed", verp: bool = True
) -> bytes:
    """Return a delivery status notification (RFC 3464). With `verp`, its recipient contains the delivery id."""
    to = f"bounce+{delivery_id}@example.com" if verp else "partners@example.com"
    text = f"""\
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Fri, 20 Mar 2026 18:00:09 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net. Your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Fri, 20 Mar 2026 18:00:06 +0000

Final-Recipient: rfc822; {email}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.partner.example
Diagnostic-Code: smtp; 550 {status} <{email}>:
    Recipient address rejected

--b1
Content-Type: text/rfc822-headers

From: "Northwind Outdoor" <partners@example.com>
To: {email}
Message-ID: <{delivery_id}@example.com>
X-Partnerflow-Delivery: {delivery_id}
Subject: Hello

--b1--
"""
    return text.replace("\n", "\r\n").encode()


def feedback_report(delivery_id: str, email: str, fields: str = "Feedback-Type: abuse") -> bytes:
    """Return a report in the Abuse Reporting Format (RFC 5965), as a feedback loop sends it.

    `fields` are its first lines.
    """
    text = f"""\
From: <abusedesk@example.net>
To: <partners@example.com>
Subject: FW: Hello
Date: Fri, 20 Mar 2026 19:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

{fields}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{email}>

--b1
Content-Type: message/rfc822

From: <partners@example.com>
To: <{email}>
Message-ID: <{delivery_id}@example.com>
X-Partnerflow-Delivery: {delivery_id}
Subject: Hello

Hello
--b1--
"""
    return text.replace("\n", "\r\n").encode()


def _hash(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _uuid(*parts: str) -> str:
    text = _hash(*parts)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"
