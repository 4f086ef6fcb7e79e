"""A local Aurora DSQL: two Regional endpoints and a witness over one PostgreSQL."""
