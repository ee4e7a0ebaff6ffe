BEGIN TRANSACTION;
CREATE TABLE contact (
	workflow_id VARCHAR NOT NULL, 
	program_id VARCHAR NOT NULL, 
	partner_id VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	as_of DATETIME NOT NULL, 
	claimed_at DATETIME NOT NULL, 
	PRIMARY KEY (workflow_id, program_id, partner_id)
);
INSERT INTO "contact" VALUES('welcome','1000','waiting','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
INSERT INTO "contact" VALUES('welcome','1000','started','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
INSERT INTO "contact" VALUES('welcome','1000','sent','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
INSERT INTO "contact" VALUES('welcome','1000','failed','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
INSERT INTO "contact" VALUES('welcome','1000','doubtful','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
INSERT INTO "contact" VALUES('welcome','1000','two','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
INSERT INTO "contact" VALUES('accept-applications','2000','applied','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000');
CREATE TABLE delivery (
	delivery_id VARCHAR NOT NULL, 
	workflow_id VARCHAR NOT NULL, 
	program_id VARCHAR NOT NULL, 
	partner_id VARCHAR NOT NULL, 
	email VARCHAR, 
	action VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	message_id VARCHAR NOT NULL, 
	context JSON NOT NULL, 
	run_id VARCHAR NOT NULL, 
	as_of DATETIME NOT NULL, 
	claimed_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	reason VARCHAR, 
	PRIMARY KEY (delivery_id), 
	FOREIGN KEY(workflow_id, program_id, partner_id) REFERENCES contact (workflow_id, program_id, partner_id), 
	UNIQUE (message_id)
);
INSERT INTO "delivery" VALUES('d6b735809477908150437e2cdd9a23bf','welcome','1000','waiting','ann@bücher.example','email','claimed','d6b735809477908150437e2cdd9a23bf@example.com','{"partner": {"id": "waiting", "name": "Partner waiting"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000',NULL,NULL);
INSERT INTO "delivery" VALUES('413d88a67e77cb8db6003ae32801a505','welcome','1000','started','ben@x.example','email','sending','413d88a67e77cb8db6003ae32801a505@example.com','{"partner": {"id": "started", "name": "Partner started"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000',NULL,NULL);
INSERT INTO "delivery" VALUES('041ee5ac88b8d50407cb3fbe0ef8f160','welcome','1000','sent','Cat@X.example','email','sent','041ee5ac88b8d50407cb3fbe0ef8f160@example.com','{"partner": {"id": "sent", "name": "Partner sent"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery" VALUES('95fc237ff37abbb268dbf1f80dcda82a','welcome','1000','failed','no address','email','failed','95fc237ff37abbb268dbf1f80dcda82a@example.com','{"partner": {"id": "failed", "name": "Partner failed"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000',NULL,'''no address'' is no address that can be written to.');
INSERT INTO "delivery" VALUES('4030c3237bd56d415fdf0dab91abc79e','welcome','1000','doubtful','dee@x.example','email','in_doubt','4030c3237bd56d415fdf0dab91abc79e@example.com','{"partner": {"id": "doubtful", "name": "Partner doubtful"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000',NULL,'Run x died while it was handed over.');
INSERT INTO "delivery" VALUES('b4c75dc40783f4055b1ca1c3adc3992a','welcome','1000','two','a@x.example','email','claimed','b4c75dc40783f4055b1ca1c3adc3992a@example.com','{"partner": {"id": "two", "name": "Partner two"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000',NULL,NULL);
INSERT INTO "delivery" VALUES('767e630d3f396990be367f5d58d04522','welcome','1000','two','b@x.example','email','claimed','767e630d3f396990be367f5d58d04522@example.com','{"partner": {"id": "two", "name": "Partner two"}, "contact": {"first_name": "Ann", "last_name": null}, "program": {"id": "1000", "name": "Northwind Outdoor"}, "workflow": {"id": "welcome", "name": "Welcome"}}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000',NULL,NULL);
INSERT INTO "delivery" VALUES('f1e13a89501f65788f5aca5775fa7172','accept-applications','2000','applied',NULL,'accept application','sent','f1e13a89501f65788f5aca5775fa7172@example.com','{"contract_id": "C1"}','20260320T180000Z-00000000','2026-03-20 18:00:00.000000','2026-03-20 18:00:05.000000','2026-03-20 18:00:05.000000',NULL);
CREATE TABLE delivery_log (
	entry INTEGER NOT NULL, 
	delivery_id VARCHAR NOT NULL, 
	from_state VARCHAR, 
	to_state VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	reason VARCHAR, 
	PRIMARY KEY (entry)
);
INSERT INTO "delivery_log" VALUES(1,'d6b735809477908150437e2cdd9a23bf',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(2,'413d88a67e77cb8db6003ae32801a505',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(3,'041ee5ac88b8d50407cb3fbe0ef8f160',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(4,'95fc237ff37abbb268dbf1f80dcda82a',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(5,'4030c3237bd56d415fdf0dab91abc79e',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(6,'b4c75dc40783f4055b1ca1c3adc3992a',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(7,'767e630d3f396990be367f5d58d04522',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(8,'f1e13a89501f65788f5aca5775fa7172',NULL,'claimed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(9,'413d88a67e77cb8db6003ae32801a505','claimed','sending','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(10,'041ee5ac88b8d50407cb3fbe0ef8f160','claimed','sending','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(11,'041ee5ac88b8d50407cb3fbe0ef8f160','sending','sent','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(12,'95fc237ff37abbb268dbf1f80dcda82a','claimed','failed','20260320T180000Z-00000000','2026-03-20 18:00:05.000000','''no address'' is no address that can be written to.');
INSERT INTO "delivery_log" VALUES(13,'4030c3237bd56d415fdf0dab91abc79e','claimed','sending','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(14,'4030c3237bd56d415fdf0dab91abc79e','sending','in_doubt','20260320T180000Z-00000000','2026-03-20 18:00:05.000000','Run x died while it was handed over.');
INSERT INTO "delivery_log" VALUES(15,'f1e13a89501f65788f5aca5775fa7172','claimed','sending','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
INSERT INTO "delivery_log" VALUES(16,'f1e13a89501f65788f5aca5775fa7172','sending','sent','20260320T180000Z-00000000','2026-03-20 18:00:05.000000',NULL);
CREATE TABLE setting (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "setting" VALUES('message_key','5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a');
CREATE TABLE workflow_run (
	run_id VARCHAR NOT NULL, 
	workflow_id VARCHAR NOT NULL, 
	as_of DATETIME NOT NULL, 
	status VARCHAR NOT NULL, 
	members INTEGER NOT NULL, 
	addresses INTEGER NOT NULL, 
	already_contacted INTEGER NOT NULL, 
	suppressed INTEGER NOT NULL, 
	no_address INTEGER NOT NULL, 
	recipients INTEGER NOT NULL, 
	sent INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	in_doubt INTEGER NOT NULL, 
	detail VARCHAR, 
	PRIMARY KEY (run_id, workflow_id)
);
INSERT INTO "workflow_run" VALUES('20260320T180000Z-00000000','welcome','2026-03-20 18:00:00.000000','done',6,7,0,0,0,7,1,1,1,NULL);
COMMIT;
