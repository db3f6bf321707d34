-- Removals that a device fails again and again: what is to be removed may still be on it.

ALTER TABLE sync_exception ADD COLUMN removal_code BIGINT; -- what the device answered last; NULL: no removal fails
CREATE INDEX sync_exception_removal ON sync_exception (removal_code, device_id);
