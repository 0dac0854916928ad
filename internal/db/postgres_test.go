package db

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPostgresConfig(t *testing.T) {
	for _, c := range []struct {
		name, dsn string
		wrong     bool
		hosts     int
		mode      pgx.QueryExecMode
		validates bool
	}{
		{name: "one host", dsn: "postgres://u:p@a:5432/g", hosts: 1, mode: pgx.QueryExecModeCacheStatement},
		{name: "several hosts want the one that takes writes", dsn: "postgres://u:p@a:1,b:2,c:3/g?sslmode=disable", hosts: 3, mode: pgx.QueryExecModeCacheStatement, validates: true},
		{name: "pooler", dsn: "postgres://u:p@a/g?pgbouncer=true", hosts: 1, mode: pgx.QueryExecModeExec},
		{name: "no pooler", dsn: "postgresql://u:p@a/g?pgbouncer=false", hosts: 1, mode: pgx.QueryExecModeCacheStatement},
		{name: "nonsense", dsn: "postgres://u:topsecret@a:port/g", wrong: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := postgresConfig(c.dsn)
			if (err != nil) != c.wrong {
				t.Fatal(err)
			}
			if err != nil {
				if strings.Contains(err.Error(), "topsecret") {
					t.Errorf("the error tells the password: %v", err)
				}
				return
			}
			hosts := map[string]bool{config.ConnConfig.Host: true}
			for _, f := range config.ConnConfig.Fallbacks {
				hosts[f.Host] = true
			}
			if len(hosts) != c.hosts || config.ConnConfig.DefaultQueryExecMode != c.mode || (config.ConnConfig.ValidateConnect != nil) != c.validates {
				t.Errorf("%v, %v, %v", hosts, config.ConnConfig.DefaultQueryExecMode, config.ConnConfig.ValidateConnect != nil)
			}
		})
	}
}

func TestRewrite(t *testing.T) {
	for _, c := range []struct{ in, sqlite, postgres string }{
		{"select a from t where b = ? and c = ?", "select a from t where b = ? and c = ?", "select a from t where b = $1 and c = $2"},
		{"id in (?...) and x = ?", "id in (select value from json_each(?)) and x = ?", "id = any($1) and x = $2"},
		{"id not in (?...)", "id not in (select value from json_each(?))", "id <> all($1)"},
		{"limit ? offset ?", "limit cast(? as bigint) offset cast(? as bigint)", "limit cast($1 as bigint) offset cast($2 as bigint)"},
		{"select 1 for update", "select 1 ", "select 1 for update"},
	} {
		if got := rewrite(sqliteDialect{}, c.in); got != c.sqlite {
			t.Errorf("%s: %s", c.in, got)
		}
		if got := rewrite(postgresDialect{}, c.in); got != c.postgres {
			t.Errorf("%s: %s", c.in, got)
		}
	}
}
