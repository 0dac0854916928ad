package db

import "context"

// Hold is how a transaction holds a name.
type Hold bool

// Many transactions may share a name; one that has it alone waits for them, and they for it.
const (
	Shared Hold = false
	Alone  Hold = true
)

// Lock holds a name of a pool until the transaction of ctx ends. SQLite has one writer, who has all names.
func (d *DB) Lock(ctx context.Context, poolID, name string, h Hold) error {
	if d.Local() {
		return nil
	}
	function := "pg_advisory_xact_lock_shared"
	if h == Alone {
		function = "pg_advisory_xact_lock"
	}
	_, err := Exec(ctx, d, "select "+function+"(hashtextextended(?, 0))", name+"/"+poolID)
	return err
}

// Analyze counts a table anew after much of it was written, so that statements that join it are planned by its size. It runs
// outside of transactions. SQLite's plans do not depend on it.
func (d *DB) Analyze(ctx context.Context, table string) error {
	if d.Local() {
		return nil
	}
	_, err := Exec(ctx, d, "analyze "+table)
	return err
}
