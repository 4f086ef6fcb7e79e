CREATE INDEX ASYNC lane_by_opening ON lane (opened_at);
