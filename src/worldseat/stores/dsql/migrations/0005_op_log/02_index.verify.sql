SELECT indisvalid FROM pg_index WHERE indexrelid = 'op_log_by_fan'::regclass;
