-- Who asks why a person did not get something may see to which digest it belongs.

GRANT SELECT ON fanout.digest_rows TO fanout_operator, fanout_viewer;
