package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Finding is what one check of the doctor saw. Mend is what to do about it, "" when nothing needs to be done; a finding that is
// not Bad but has a Mend is a note.
type Finding struct {
	What, Found, Mend string
	Bad               bool
}

// Examine checks what a server needs, in the order in which it needs it, and changes nothing but what opening a database changes.
func Examine(ctx context.Context, c *Config) []Finding {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out []Finding
	add := func(f Finding) { out = append(out, f) }
	add(Finding{What: "configuration", Found: "every setting can be read"})
	add(examineBaseURL(c))
	add(examineGates(c))
	add(examineFolder(c))
	add(examineMaster(c))
	if !db.IsPostgres(c.DB) {
		add(examineFile(c.DB))
	}
	out = append(out, examineDatabase(ctx, c)...)
	out = append(out, examineMessages(ctx, c)...)
	add(examineClock(time.Now()))
	return out
}

func examineBaseURL(c *Config) Finding {
	u, err := url.Parse(c.BaseURL)
	if err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" {
		return Finding{What: "base_url", Found: c.BaseURL, Mend: "Passwords and tokens would travel in the clear: put a TLS proxy in front and set base_url to its https:// address."}
	}
	return Finding{What: "base_url", Found: c.BaseURL}
}

// examineGates tells what the sizes come to, and finds writes whose places can all be held by those that wait for a password hash.
func examineGates(c *Config) Finding {
	size := func(class op.Class) int { return gateSize(class, c.Parallel[class], c.QueueTime).Running }
	f := Finding{What: "at once", Found: fmt.Sprintf("%d reads, %d lists, %d writes", size(op.Point), size(op.List), size(op.Write))}
	hasher, err := secret.NewHasher(c.Password)
	if err != nil {
		return Finding{"password hashes", err.Error(), "Set the argon2 settings within their bounds.", true}
	}
	hashes := hasher.Gate().Size()
	f.Found += fmt.Sprintf(", %d password hashes", hashes.Running)
	if hashes.Running+hashes.Waiting >= size(op.Write) {
		f.Mend = "A flood of passwords can hold every write up: set writes_parallel above the sum of password_parallel and password_queue."
	}
	return f
}

func examineFolder(c *Config) Finding {
	info, err := os.Stat(c.Data)
	switch {
	case os.IsNotExist(err):
		return Finding{What: "data folder", Found: c.Data + " is not there yet", Mend: "The first start makes it."}
	case err != nil:
		return Finding{"data folder", err.Error(), "Make it readable for the user that runs the server.", true}
	case !info.IsDir():
		return Finding{"data folder", c.Data + " is no folder", "Set data to a folder.", true}
	case info.Mode().Perm()&0o077 != 0:
		return Finding{"data folder", fmt.Sprintf("%s has mode %04o: others can look into it", c.Data, info.Mode().Perm()), "chmod 700 " + c.Data, true}
	}
	probe, err := os.CreateTemp(c.Data, ".doctor-*")
	if err != nil {
		return Finding{"data folder", "nothing can be written to " + c.Data + ": " + err.Error(), "Give it to the user that runs the server.", true}
	}
	probe.Close()
	os.Remove(probe.Name())
	return Finding{What: "data folder", Found: c.Data}
}

func examineMaster(c *Config) Finding {
	if c.MasterKey == "" {
		if _, err := os.Stat(c.MasterKeyFile); os.IsNotExist(err) {
			return Finding{What: "master key", Found: c.MasterKeyFile + " is not there yet", Mend: "The first start makes it. If there is a database already, put back the key that belongs to it."}
		}
	}
	if _, _, err := secret.LoadMaster(c.MasterKeyFile, c.MasterKey); err != nil {
		return Finding{"master key", err.Error(), "Without the right key no stored secret can be read: put back the copy that belongs to this database.", true}
	}
	if c.MasterKey != "" {
		return Finding{What: "master key", Found: "given by the configuration"}
	}
	return Finding{What: "master key", Found: c.MasterKeyFile}
}

func examineFile(path string) Finding {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return Finding{What: "database file", Found: path + " is not there yet", Mend: "The first start makes it."}
	case err != nil:
		return Finding{"database file", err.Error(), "Make it readable for the user that runs the server.", true}
	case info.Mode().Perm()&0o077 != 0:
		return Finding{"database file", fmt.Sprintf("%s has mode %04o: others can read everybody's data", path, info.Mode().Perm()), "chmod 600 " + path, true}
	}
	return Finding{What: "database file", Found: fmt.Sprintf("%s, %d KiB", path, info.Size()>>10)}
}

func examineDatabase(ctx context.Context, c *Config) []Finding {
	if !db.IsPostgres(c.DB) {
		if _, err := os.Stat(c.DB); err != nil {
			return nil
		}
	}
	d, err := db.Open(ctx, db.Options{DSN: c.DB, Deadline: 5 * time.Second})
	if err != nil {
		return []Finding{{"database", err.Error(), "Check db, and that the server may reach it.", true}}
	}
	defer d.Close()
	health, err := d.Examine(ctx)
	if err != nil {
		return []Finding{{"database", err.Error(), "Check db, and that the database server runs and lets this user in.", true}}
	}
	out := []Finding{{What: "database", Found: health.Version}}
	switch {
	case health.Schema < health.Newest:
		out = append(out, Finding{What: "schema", Found: fmt.Sprintf("version %d, this program's is %d", health.Schema, health.Newest), Mend: "The next start migrates it, or `guildhall migrate` now."})
	case health.Schema > health.Newest:
		out = append(out, Finding{"schema", fmt.Sprintf("version %d, this program knows %d", health.Schema, health.Newest), "A newer Guildhall made this database: use that one.", true})
	default:
		out = append(out, Finding{What: "schema", Found: fmt.Sprintf("version %d", health.Schema)})
	}
	if health.Damage != "" {
		out = append(out, Finding{"integrity", health.Damage, "Stop the server and go back to a good copy of " + filepath.Base(c.DB) + ".", true})
	}
	if health.Skew > time.Second {
		out = append(out, Finding{What: "database clock", Found: "is " + health.Skew.String() + " from this machine's", Mend: "Run a time service (chrony, systemd-timesyncd) on both."})
	}
	if health.Schema != health.Newest {
		return out
	}
	master, _, err := secret.LoadMaster(c.MasterKeyFile, c.MasterKey)
	if err != nil {
		return out // said already
	}
	dir := directory.New(directory.Options{DB: d, Master: master})
	p, err := dir.DefaultPool(ctx)
	if err != nil {
		return append(out, Finding{What: "pools", Found: "there is none yet", Mend: "The first start makes one, or `guildhall init --pool-name NAME`."})
	}
	if _, err := dir.Keys(ctx, p.ID); err != nil {
		return append(out, Finding{"master key", "it does not open the secrets of this database", "Put back the key that belongs to it; without it the secrets are lost.", true})
	}
	return append(out, Finding{What: "pools", Found: "the keys of " + p.Name + " can be opened"})
}

// examineMessages asks the mail server in and goes away again, and looks whether the hook can be reached; it sends nothing. Pools may have
// providers of their own, of which it knows nothing.
func examineMessages(ctx context.Context, c *Config) []Finding {
	var out []Finding
	if c.Dev {
		f := Finding{What: "developer's mode", Found: "codes and mails are shown at " + c.BaseURL + inboxPath, Mend: "Never where people are: switch dev off there."}
		host, _, err := net.SplitHostPort(c.Listen)
		a, addrErr := netip.ParseAddr(host)
		f.Bad = err != nil || host != "localhost" && (addrErr != nil || !a.IsLoopback())
		if f.Bad {
			f.Found += ", to other machines too"
		}
		out = append(out, f)
	}
	switch {
	case c.SMTP.Host == "":
		out = append(out, Finding{What: "mail", Found: "no server of its own", Mend: "Pools without a mail provider can send no codes: set smtp_host, or a provider for the pool."})
	default:
		f := Finding{What: "mail", Found: fmt.Sprintf("%s:%d takes mail from %s", c.SMTP.Host, c.SMTP.Port, c.SMTP.From)}
		checking, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := c.SMTP.Check(checking); err != nil {
			f = Finding{"mail", fmt.Sprintf("%s:%d: %v", c.SMTP.Host, c.SMTP.Port, err), "Check the smtp settings, and that the server may reach it.", true}
		}
		out = append(out, f)
	}
	if c.Hook.URL == "" {
		return append(out, Finding{What: "texts", Found: "no hook", Mend: "Pools without a provider of texts can send none: set sms_hook_url, or a provider for the pool."})
	}
	f := Finding{What: "texts", Found: "the hook's server answers"}
	if err := c.Hook.Check(ctx); err != nil {
		f = Finding{"texts", err.Error(), "Check sms_hook_url, and that the server may reach it.", true}
	}
	return append(out, f)
}

// examineClock can only tell a clock that nobody set: signatures and tokens need the right time.
func examineClock(now time.Time) Finding {
	if now.Year() < 2026 || now.Year() > 2100 {
		return Finding{"clock", now.UTC().Format(time.RFC3339), "Set the clock and run a time service (chrony, systemd-timesyncd): signed requests are refused otherwise.", true}
	}
	return Finding{What: "clock", Found: now.UTC().Format(time.RFC3339)}
}
