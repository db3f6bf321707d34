-- Which device knows a person because it was enrolled there, whoever changed the person since.

ALTER TABLE item ADD COLUMN created_by INTEGER;    -- device whose upload made it live; NULL an operator, or before this column was there
