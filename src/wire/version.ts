/**
 * The version of the wire. 1 first published form; 2 daemon_status tells heart; 3 supervision, memory, profiles, versions of
 * files, rollback; 4 events, insights, plans, nodes. A test pins the hash of the schemas, so that a change comes with a new one.
 */
export const WIRE_VERSION = 4
