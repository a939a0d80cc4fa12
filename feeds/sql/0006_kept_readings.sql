-- Kept readings are read again, not only compared: what each rests on, the number ranked, where text is exact money.

ALTER TABLE derived.readings ADD COLUMN money VARCHAR;
ALTER TABLE derived.readings ADD COLUMN ranked DOUBLE;
ALTER TABLE derived.readings ADD COLUMN input_hash VARCHAR;
