SELECT indisvalid FROM pg_index WHERE indexrelid = 'lane_by_opening'::regclass;
