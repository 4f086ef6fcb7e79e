"""What AWS's services answer alike when they turn a call away: the codes, and what they mean.

From the services' own models and the guide to AWS's common errors; each store says in its own words
what a person can do.
"""

from botocore import exceptions as boto

NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.ConfigParseError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
"""What the driver raises where it finds nobody to sign as."""

DENIED = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "OptInRequired"}
)
"""The identity is known, and may not."""

NOT_KNOWN = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
    }
)
"""The credentials are nobody's, or do not sign well."""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
"""The credentials were good once."""

THROTTLED = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
    }
)
"""Too many calls at once: nothing was done."""
