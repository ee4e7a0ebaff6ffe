CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.contact (
    workflow_id character varying NOT NULL,
    program_id character varying NOT NULL,
    partner_id character varying NOT NULL,
    contract_id character varying NOT NULL,
    run_id character varying NOT NULL,
    as_of timestamp without time zone NOT NULL,
    claimed_at timestamp without time zone NOT NULL
);
CREATE TABLE public.delivery (
    delivery_id character varying NOT NULL,
    workflow_id character varying NOT NULL,
    program_id character varying NOT NULL,
    partner_id character varying NOT NULL,
    email character varying,
    action character varying NOT NULL,
    state character varying NOT NULL,
    message_id character varying NOT NULL,
    context json NOT NULL,
    run_id character varying NOT NULL,
    as_of timestamp without time zone NOT NULL,
    claimed_at timestamp without time zone NOT NULL,
    sent_at timestamp without time zone,
    reason character varying,
    email_key character varying,
    template_version character varying,
    leased_by character varying,
    fencing_token integer DEFAULT 0 NOT NULL,
    send_started_at timestamp without time zone,
    attempts integer DEFAULT 0 NOT NULL,
    first_deferred_at timestamp without time zone,
    next_attempt_at timestamp without time zone,
    smtp_stage character varying,
    reply_code integer,
    reply_status character varying,
    reply_text character varying,
    contract_id character varying NOT NULL,
    not_before timestamp without time zone,
    CONSTRAINT delivery_state CHECK (state IN ('pending', 'leased', 'sending', 'sent', 'failed', 'in_doubt', 'suppressed', 'skipped', 'expired', 'disqualified'))
);
CREATE TABLE public.delivery_log (
    id integer NOT NULL,
    delivery_id character varying NOT NULL,
    from_state character varying,
    to_state character varying NOT NULL,
    actor character varying NOT NULL,
    at timestamp without time zone NOT NULL,
    reason character varying
);
CREATE SEQUENCE public.delivery_log_entry_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.delivery_log_entry_seq OWNED BY public.delivery_log.id;
CREATE TABLE public.message_version (
    version character varying NOT NULL,
    content json NOT NULL
);
CREATE TABLE public.run (
    id integer NOT NULL,
    run_id character varying NOT NULL,
    as_of timestamp without time zone NOT NULL,
    programs json,
    notes character varying
);
CREATE SEQUENCE public.run_entry_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.run_entry_seq OWNED BY public.run.id;
CREATE TABLE public.setting (
    name character varying NOT NULL,
    value character varying NOT NULL
);
CREATE TABLE public.suppression (
    email_key character varying NOT NULL,
    scope character varying NOT NULL,
    reason character varying NOT NULL,
    source character varying NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE TABLE public.worker_lease (
    run_id character varying NOT NULL,
    host character varying NOT NULL,
    expires_at timestamp without time zone NOT NULL
);
CREATE TABLE public.workflow_run (
    run_id character varying NOT NULL,
    workflow_id character varying NOT NULL,
    as_of timestamp without time zone NOT NULL,
    status character varying NOT NULL,
    members integer NOT NULL,
    addresses integer NOT NULL,
    already_contacted integer NOT NULL,
    suppressed integer NOT NULL,
    no_address integer NOT NULL,
    recipients integer NOT NULL,
    sent integer NOT NULL,
    failed integer NOT NULL,
    in_doubt integer NOT NULL,
    detail character varying,
    is_settled boolean DEFAULT false NOT NULL
);
ALTER TABLE ONLY public.delivery_log ALTER COLUMN id SET DEFAULT nextval('public.delivery_log_entry_seq'::regclass);
ALTER TABLE ONLY public.run ALTER COLUMN id SET DEFAULT nextval('public.run_entry_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0007');
INSERT INTO public.contact VALUES ('accept-applications', '2000', 'applied', 'C1', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'two', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'leased', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'suppressed', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'failed', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'started', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'waiting', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'sent', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'doubtful', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.contact VALUES ('welcome', '1000', 'expired', '', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05');
INSERT INTO public.delivery VALUES ('00000000000000000000000000000001', 'welcome', '1000', 'waiting', 'ann@bücher.example', 'email', 'pending', '00000000000000000000000000000001@example.com', '{"partner": {"id": "waiting"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, 'Not now', 'ann@xn--bcher-kva.example', 'v', '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 1, '2026-03-20 18:00:05', '2026-03-20 18:05:00', 'RCPT TO', 451, '4.7.1', '4.7.1 greylisted', '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000003', 'welcome', '1000', 'started', 'ben@x.example', 'email', 'sending', '00000000000000000000000000000003@example.com', '{"partner": {"id": "started"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, NULL, 'ben@x.example', 'v', '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 0, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000004', 'welcome', '1000', 'sent', 'Cat@X.example', 'email', 'sent', '00000000000000000000000000000004@example.com', '{"partner": {"id": "sent"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', '2026-03-20 18:00:05', NULL, 'cat@x.example', 'v', '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 1, NULL, NULL, 'end of message', 250, '2.0.0', '2.0.0 Ok: queued as 4F1', '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000005', 'welcome', '1000', 'failed', 'dan@x.example', 'email', 'failed', '00000000000000000000000000000005@example.com', '{"partner": {"id": "failed"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, 'Refused at RCPT TO: 5.1.1 No such user', 'dan@x.example', 'v', '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 1, NULL, NULL, 'RCPT TO', 550, '5.1.1', '5.1.1 No such user', '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000006', 'welcome', '1000', 'doubtful', 'dee@x.example', 'email', 'in_doubt', '00000000000000000000000000000006@example.com', '{"partner": {"id": "doubtful"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, 'The run died while it was handed over.', 'dee@x.example', 'v', '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 0, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000007', 'welcome', '1000', 'suppressed', 'eve@x.example', 'email', 'suppressed', '00000000000000000000000000000007@example.com', '{"partner": {"id": "suppressed"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, 'The address was suppressed after the partner was claimed.', 'eve@x.example', 'v', '20260320T180000Z-00000000', 1, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000008', 'welcome', '1000', 'two', 'fay@bücher.example', 'email', 'sent', '00000000000000000000000000000008@example.com', '{"partner": {"id": "two"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', '2026-03-20 18:00:05', NULL, 'fay@xn--bcher-kva.example', 'v', '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 1, NULL, NULL, 'end of message', 250, '2.0.0', '2.0.0 Ok: queued as 4F1', '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000009', 'welcome', '1000', 'two', 'fay@xn--bcher-kva.example', 'email', 'skipped', '00000000000000000000000000000009@example.com', '{"partner": {"id": "two"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, 'The same address as fay@bücher.example.', 'fay@xn--bcher-kva.example', 'v', NULL, 0, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO public.delivery VALUES ('0000000000000000000000000000000a', 'welcome', '1000', 'expired', 'gus@x.example', 'email', 'expired', '0000000000000000000000000000000a@example.com', '{"partner": {"id": "expired"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, 'Given up after 5 attempts in 24 hours. Not now', 'gus@x.example', 'v', '20260320T180000Z-00000000', 5, '2026-03-20 18:00:05', 5, '2026-03-20 18:00:05', NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO public.delivery VALUES ('00000000000000000000000000000002', 'welcome', '1000', 'leased', 'bea@x.example', 'email', 'leased', '00000000000000000000000000000002@example.com', '{"partner": {"id": "leased"}}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', NULL, NULL, 'bea@x.example', 'v', '20260320T180000Z-00000000', 1, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO public.delivery VALUES ('0000000000000000000000000000000b', 'accept-applications', '2000', 'applied', NULL, 'accept application', 'sent', '0000000000000000000000000000000b@example.com', '{"contract_id": "C1"}', '20260320T180000Z-00000000', '2026-03-20 18:00:00', '2026-03-20 18:00:05', '2026-03-20 18:00:05', NULL, NULL, NULL, '20260320T180000Z-00000000', 1, '2026-03-20 18:00:05', 1, NULL, NULL, 'answer', 200, NULL, NULL, 'C1', NULL);
INSERT INTO public.delivery_log VALUES (1, '00000000000000000000000000000001', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (4, '00000000000000000000000000000001', 'sending', 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', 'Not now');
INSERT INTO public.delivery_log VALUES (5, '00000000000000000000000000000002', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (7, '00000000000000000000000000000003', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (10, '00000000000000000000000000000004', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (13, '00000000000000000000000000000004', 'sending', 'sent', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (14, '00000000000000000000000000000005', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (17, '00000000000000000000000000000005', 'sending', 'failed', '20260320T180000Z-00000000', '2026-03-20 18:00:05', 'Refused at RCPT TO: 5.1.1 No such user');
INSERT INTO public.delivery_log VALUES (18, '00000000000000000000000000000006', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (21, '00000000000000000000000000000006', 'sending', 'in_doubt', '20260320T180000Z-00000000', '2026-03-20 18:00:05', 'The run died while it was handed over.');
INSERT INTO public.delivery_log VALUES (22, '00000000000000000000000000000007', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (25, '00000000000000000000000000000008', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (28, '00000000000000000000000000000008', 'sending', 'sent', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (29, '00000000000000000000000000000009', NULL, 'skipped', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (30, '0000000000000000000000000000000a', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (33, '0000000000000000000000000000000a', 'sending', 'expired', '20260320T180000Z-00000000', '2026-03-20 18:00:05', 'Given up after 5 attempts in 24 hours. Not now');
INSERT INTO public.delivery_log VALUES (34, '0000000000000000000000000000000b', NULL, 'pending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (37, '0000000000000000000000000000000b', 'sending', 'sent', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (2, '00000000000000000000000000000001', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (6, '00000000000000000000000000000002', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (8, '00000000000000000000000000000003', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (11, '00000000000000000000000000000004', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (15, '00000000000000000000000000000005', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (19, '00000000000000000000000000000006', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (23, '00000000000000000000000000000007', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (26, '00000000000000000000000000000008', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (31, '0000000000000000000000000000000a', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (35, '0000000000000000000000000000000b', 'pending', 'leased', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (3, '00000000000000000000000000000001', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (9, '00000000000000000000000000000003', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (12, '00000000000000000000000000000004', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (16, '00000000000000000000000000000005', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (20, '00000000000000000000000000000006', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (24, '00000000000000000000000000000007', 'leased', 'suppressed', '20260320T180000Z-00000000', '2026-03-20 18:00:05', 'The address was suppressed after the partner was claimed.');
INSERT INTO public.delivery_log VALUES (27, '00000000000000000000000000000008', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (32, '0000000000000000000000000000000a', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.delivery_log VALUES (36, '0000000000000000000000000000000b', 'leased', 'sending', '20260320T180000Z-00000000', '2026-03-20 18:00:05', NULL);
INSERT INTO public.message_version VALUES ('v', '{"subject": "Hello", "body": "Hello {{ partner.name }}"}');
INSERT INTO public.run VALUES (1, '20260320T180000Z-00000000', '2026-03-20 18:00:00', '["1000", "2000"]', NULL);
INSERT INTO public.setting VALUES ('message_key', '5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a');
INSERT INTO public.suppression VALUES ('eve@x.example', 'all', 'Asked us by telephone', 'person:ann', '2026-03-20 18:00:05');
INSERT INTO public.suppression VALUES ('dan@x.example', 'all', 'Refused at RCPT TO: 5.1.1 No such user', '00000000000000000000000000000005', '2026-03-20 18:00:05');
INSERT INTO public.worker_lease VALUES ('20260320T180000Z-00000000', 'host:/srv/partnerflow/var', '2026-03-20 18:02:05');
INSERT INTO public.workflow_run VALUES ('20260320T180000Z-00000000', 'welcome', '2026-03-20 18:00:00', 'done', 10, 11, 0, 0, 0, 10, 2, 1, 1, NULL, true);
INSERT INTO public.workflow_run VALUES ('20260320T180000Z-00000000', 'broken', '2026-03-20 18:00:00', 'error', 10, 11, 0, 0, 0, 10, 2, 1, 1, NULL, false);
SELECT pg_catalog.setval('public.delivery_log_entry_seq', 37, true);
SELECT pg_catalog.setval('public.run_entry_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.contact
    ADD CONSTRAINT contact_pkey1 PRIMARY KEY (workflow_id, program_id, partner_id, contract_id);
ALTER TABLE ONLY public.delivery_log
    ADD CONSTRAINT delivery_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_message_id_key UNIQUE (message_id);
ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (delivery_id);
ALTER TABLE ONLY public.message_version
    ADD CONSTRAINT message_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_run_id_key UNIQUE (run_id);
ALTER TABLE ONLY public.worker_lease
    ADD CONSTRAINT runner_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT suppression_pkey PRIMARY KEY (email_key, scope);
ALTER TABLE ONLY public.workflow_run
    ADD CONSTRAINT workflow_run_pkey PRIMARY KEY (run_id, workflow_id);
CREATE INDEX delivery_by_address ON public.delivery USING btree (email_key);
CREATE INDEX delivery_by_partner ON public.delivery USING btree (program_id, partner_id);
CREATE INDEX delivery_by_state ON public.delivery USING btree (state, claimed_at, delivery_id);
CREATE INDEX run_by_hour ON public.run USING btree (as_of);
CREATE INDEX workflow_run_by_workflow ON public.workflow_run USING btree (workflow_id, as_of);
ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_contact FOREIGN KEY (workflow_id, program_id, partner_id, contract_id) REFERENCES public.contact(workflow_id, program_id, partner_id, contract_id);
ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_template_version FOREIGN KEY (template_version) REFERENCES public.message_version(version);
