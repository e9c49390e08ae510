-- What the barriers of an answer released, so that questions that can be computed from it find it. Answers of before
-- have none: they serve equal requests only.
CREATE TABLE answer_descriptors (
    charge_id  BLOB NOT NULL REFERENCES answers (charge_id),
    barrier    INTEGER NOT NULL CHECK (barrier >= 0),
    family     BLOB NOT NULL CHECK (length(family) = 32),
    descriptor TEXT NOT NULL,
    PRIMARY KEY (charge_id, barrier)
) STRICT;
CREATE INDEX answer_descriptors_by_family ON answer_descriptors (family);
