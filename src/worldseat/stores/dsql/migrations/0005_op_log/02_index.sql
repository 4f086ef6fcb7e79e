CREATE INDEX ASYNC op_log_by_fan ON op_log (fan_id);
