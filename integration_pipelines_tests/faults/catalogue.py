"""The fault catalogue: every way of going wrong that is promised to be withstood, one row each.

A test claims the rows whose expectation it asserts with `pytest.mark.fault`. What no test claims stands below, with the reason;
`integration_pipelines_tests.proof.coverage` shows all of it, and `lint/test_fault_rows` holds the two together.
"""

_TEXT = r"""
H01 429, Retry-After: 120
H02 429, no Retry-After (HubSpot TEN_SECONDLY_ROLLING body)
H03 429 daily quota
H04 retry-After HTTP-date: future, past, malformed, 1 year, our clock skewed
H05 500 on write
H06 502 / 503 (+Retry-After) / 504
H07 connect timeout, refused
H08 timeout after the write was applied
H09 write lands late, after our retry or a newer write
H10 reset mid-response
H11 truncated JSON / short body / chunk abort
H12 200 with HTML or wrong content type
H13 207 / batch with errors[]
H14 204 or empty body where JSON expected
H15 slow loris, 1 byte/s
H16 1 GB body, gzip bomb
H17 redirect to another host or to http
H18 expired / wrong-host / self-signed certificate
H19 DNS failure; name resolves to private address
H20 pagination: repeated cursor, page shrink, item moves between pages, duplicates
H21 409 key in use / 429 lock timeout
H22 key reused with other parameters error
H23 412 / 428
H24 404 on update of linked object
H25 deprecation: @unix / Sunset: HTTP-date seen
H26 410 / API version removed
H27 success status with stale read (replica lag) right after write
A01 access token expired (401)
A02 grant revoked (invalid_grant)
A03 two workers refresh together (threads, processes, hosts)
A04 crash or lost answer after rotation, before commit
A05 provider revokes family on reuse
A06 scope removed
A07 expires_in missing, negative, string; clock skew ±10 min, jump
A08 token endpoint 5xx / timeout
A09 callback: state missing/forged/replayed, code replay, wrong iss, PKCE mismatch
A10 reconnect with a *different* provider account
A11 key service down, wrong key version, ciphertext moved to another tenant's row
A12 test-mode credentials in a live tenant, sandbox vs production
A13 app removed on provider side
E01 duplicate id (x100, concurrent)
E02 same change, different ids
E03 out of order (all permutations of 5)
E04 late by 3 / 30 days, freshly re-signed
E05 never sent
E06 forged, missing, truncated signature; wrong scheme (downgrade)
E07 captured delivery replayed after tolerance
E08 timestamp in the future
E09 secret rotation: two signatures; then old secret revoked
E10 10 MiB body; slow upload; chunked without length
E11 invalid UTF-8, BOM, UTF-16, lone surrogate, NUL
E12 duplicate JSON keys, 100k nesting, NaN, 1e400, ints > 2^53
E13 unknown event type / unknown version
E14 array batch mixing accounts of several tenants
E15 event for unknown or removed tenant
E16 proxy re-serialised body
E17 wrong method / content type
E18 burst of 100,000
E19 gap / overflow marker
E20 journal offset expired / purged
D01 unknown field
D02 mapped field missing (vs null vs "")
D03 wrong type
D04 new enum value
D05 NUL, lone surrogates, RTL override, combining marks, 4-byte emoji
D06 currency mismatch; missing currency
D07 negative MRR, credit, proration, 100 % discount
D08 zero-decimal and three-decimal currencies
D09 float money (19.99, 1e3, 0.1+0.2)
D10 DST gap/overlap, leap day, +14:00/-12:00, date-only midnight
D11 5 MiB text; remote truncates to 64 KiB
D12 remote trims, lower-cases, rounds, reformats phone
D13 duplicate e-mails on one side
D14 e-mail swapped between two records
D15 merge A->B on CRM
D16 merge chain A->B->C, events reversed
D17 merge cycle / self-merge claim
D18 merge of two linked records (two customers behind one company)
D19 unmerge / undelete
D20 hard delete on one side
D21 mass delete / mass blank (100 %)
D22 reactivation after cancel
D23 id reuse
D24 ids differing in case; 15 vs 18 characters; leading zeros; int vs string
D25 clock of one side 5 min ahead
D26 both sides edited to the same value
D27 A->B->A on one side between polls
D28 schema drift: field renamed, type changed, removed
D29 formula text =HYPERLINK(...), HTML/script in names
D30 empty extract (0 rows) from an API hiccup
D31 referenced parent not yet present
P01 kill -9 before/after every durable step
P02 kill -9 of run worker
P03 disk full (ENOSPC) on land, DB, log
P04 EIO / failed fsync
P05 torn or zero-length file; leftover temp
P06 DB lock held 10 min
P07 DB restart; failover drops commits' answers
P08 pool exhausted; idle-in-transaction
P09 two pushes of one tenant at once (two daemons)
P10 lease holder paused 10 min then resumes
P11 clock jump ±1 h, ±1 day, 2038
P12 daemon down 24 h (72 h)
P13 sensor cursor lost or regressed
P14 same run_key in one tick / overlapping ticks / manual re-execution
P15 deploy mid-run; two code versions; migration half-way
P16 OOM kill; SIGTERM with 10 s grace
P17 restore of an older DB backup (remote is ahead)
P18 file-descriptor, inode, thread exhaustion
P19 Dagster storage lost
T01 uninstall mid-run
T02 reinstall in 1 min / 60 days
T03 same provider account installed twice (two tenants, or twice in one)
T04 tenant id ../x, ..%2f, NUL, CON, 300 chars, a/b, symlink in path
T05 case/Unicode look-alike tenant slugs
T06 webhook for A signed with B's secret
T07 tenant with 1 M records next to tenant with 10
T08 erase request while run and backup exist
T09 console user of A asks B's ids (all routes)
T10 plan downgrade / suspension
"""

ROWS: dict[str, str] = {line[:3]: line[4:] for line in _TEXT.strip().splitlines()}
"""Row → the fault in a few words. H: HTTP, A: authorisation, E: events, D: data, P: processes, T: tenants."""

_KEYS_ONLY = "partners are connected by keys that a person makes there; there is no grant that we would refresh"
_CONSOLE = "there is no console with users of several tenants; commands belong to who runs the machine"

NOT_AUTOMATED: dict[str, str] = {
    "H25": "a partner's notice of deprecation is not read yet; versions are pinned in the connectors and raised by hand",
    "H26": "that a partner ended a version is said tenant by tenant, as any refusal; nothing stops a partner for all tenants at once",
    "A01": _KEYS_ONLY,
    "A02": f"{_KEYS_ONLY}; that a key was taken back is tested as A13, and rehearsed",
    "A03": _KEYS_ONLY,
    "A04": _KEYS_ONLY,
    "A05": _KEYS_ONLY,
    "A07": _KEYS_ONLY,
    "A08": _KEYS_ONLY,
    "A09": _KEYS_ONLY,
    "A12": "a connection does not say whether it is one for tests; an account stays with the tenant it was first connected to (T03)",
    "P02": "the daemon's own watch over its workers is configured and not waited for; what a killed worker leaves is tested as P01",
    "T07": "measured, not asserted: the nightly benchmark tells the cost of a tenant among a thousand",
    "T08": "what was written stays as evidence; erasing a tenant's data is an operator's work by hand",
    "T09": _CONSOLE,
}
"""Row → why no test asserts its expectation."""
