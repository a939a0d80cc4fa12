-- Contracts traded in the session, as a source publishes them beside the open interest of its end. Rows stored before
-- have none: whether their source had it cannot be known without reading it again.

ALTER TABLE main.open_interest ADD COLUMN volume BIGINT;
