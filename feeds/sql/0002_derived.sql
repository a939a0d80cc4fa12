-- What was computed and can be computed again: rows measured from tapes, readings as they were published, reports.
-- Rows of an indicator stand in tables of their own, derived.rows_NAME_RECIPE_FRAME, made when they are first kept.

CREATE SCHEMA derived;

CREATE TABLE derived.measured (
    indicator VARCHAR NOT NULL, recipe VARCHAR NOT NULL, session DATE NOT NULL, input_hash VARCHAR NOT NULL
);
CREATE TABLE derived.readings (
    indicator VARCHAR NOT NULL, recipe VARCHAR NOT NULL, session DATE NOT NULL, reading VARCHAR NOT NULL,
    stored_at TIMESTAMPTZ NOT NULL, superseded_at TIMESTAMPTZ
);
CREATE TABLE derived.reports (key VARCHAR NOT NULL, document VARCHAR NOT NULL, stored_at TIMESTAMPTZ NOT NULL);
