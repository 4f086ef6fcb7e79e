SELECT indisvalid FROM pg_index WHERE indexrelid = 'run_by_start'::regclass;
