package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/guildhall-id/guildhall/internal/testhall"
)

// store is an engine whose filled databases are kept in a folder and lent as copies.
type store interface {
	name() string
	// lend gives a database with so many users. The postmaster is 0 without PostgreSQL; giveBack ends the loan.
	lend(users int) (dsn string, postmaster int, giveBack func(), err error)
	close()
}

// recipe stands for what a filled database depends on. When it changes, kept databases are filled anew.
func recipe() (string, error) {
	h := sha256.New()
	for _, pattern := range []string{"internal/db/migrations/*.sql", "internal/directory/user_change.go", "bench/population.go", "bench/fill.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			h.Write(b)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6]), nil
}

type sqliteStore struct {
	dir, recipe string
	keep        bool
}

func (s *sqliteStore) name() string { return "SQLite" }
func (s *sqliteStore) close()       {}

func (s *sqliteStore) lend(users int) (string, int, func(), error) {
	kept := filepath.Join(s.dir, fmt.Sprintf("sqlite-%d-%s.db", users, s.recipe))
	if _, err := os.Stat(kept); errors.Is(err, fs.ErrNotExist) {
		partial := filepath.Join(s.dir, "filling.db")
		remove(partial)
		if err := fill(partial, users); err != nil {
			return "", 0, nil, err
		}
		if err := os.Rename(partial, kept); err != nil {
			return "", 0, nil, err
		}
	}
	if !s.keep {
		return kept, 0, func() { remove(kept) }, nil
	}
	lent := filepath.Join(s.dir, "run.db")
	remove(lent)
	return lent, 0, func() { remove(lent) }, copyFile(lent, kept)
}

func remove(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(path + suffix)
	}
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return errors.Join(w.Sync(), w.Close())
}

// fileSize is the size of a SQLite file with its log.
func fileSize(path string) int64 {
	var sum int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// postgresSettings are for a machine of today; all else, durability too, is as PostgreSQL comes.
var postgresSettings = []string{"shared_buffers=1GB", "max_wal_size=8GB", "max_connections=200"}

type postgresStore struct {
	version, recipe string
	server          *testhall.Server
}

// openPostgres starts the newest PostgreSQL that is installed. With none it returns nil and says what is missing.
func openPostgres(dir, recipe string, keep bool) (*postgresStore, error) {
	clusters, missing := testhall.Installed()
	if len(clusters) == 0 {
		for _, sentence := range missing {
			say("%s", sentence)
		}
		return nil, nil
	}
	c, data := clusters[0], ""
	if keep {
		data = filepath.Join(dir, c.Name)
	}
	server, err := c.Serve(data, postgresSettings...)
	if err != nil {
		return nil, err
	}
	return &postgresStore{c.Name, recipe, server}, nil
}

func (p *postgresStore) name() string { return "PostgreSQL (" + p.version + ")" }
func (p *postgresStore) close()       { p.server.Stop() }

func (p *postgresStore) lend(users int) (string, int, func(), error) {
	kept := fmt.Sprintf("filled_%d_%s", users, p.recipe)
	lent := "run"
	if err := p.run("drop database if exists "+lent+" with (force)", "create database "+lent+" template "+kept+" strategy file_copy"); err != nil {
		if err := p.run("drop database if exists filling with (force)", "create database filling"); err != nil {
			return "", 0, nil, err
		}
		if err := fill(p.server.DSN("filling"), users); err != nil {
			return "", 0, nil, err
		}
		if err := p.run("alter database filling rename to "+kept, "create database "+lent+" template "+kept+" strategy file_copy"); err != nil {
			return "", 0, nil, err
		}
	}
	postmaster, err := p.server.PID()
	return p.server.DSN(lent), postmaster, func() { _ = p.run("drop database " + lent + " with (force)") }, err
}

func (p *postgresStore) run(statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for _, s := range statements {
		if err := p.server.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
