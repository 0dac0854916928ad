// Guildhall is a self-hosted identity server. See README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/server"
)

// version is set by the linker.
var version = "dev"

// common are the flags of every command that touches a configuration. Any other setting is given by the file or the environment.
type common struct {
	Config  string `help:"Configuration file (YAML)." env:"GUILDHALL_CONFIG" placeholder:"FILE"`
	Data    string `help:"Folder of the database and the master key." placeholder:"DIR"`
	DB      string `name:"db" help:"SQLite file, or postgres:// address." placeholder:"DSN"`
	BaseURL string `name:"base-url" help:"Where clients reach the server." placeholder:"URL"`
	Listen  string `help:"Address to listen on." placeholder:"ADDR"`

	extra map[string]string // of flags that one command has alone
}

func (c *common) load() (*server.Config, error) {
	flags := map[string]string{}
	for key, v := range map[string]string{"data": c.Data, "db": c.DB, "base_url": c.BaseURL, "listen": c.Listen} {
		if v != "" {
			flags[key] = v
		}
	}
	maps.Copy(flags, c.extra)
	return server.Load(c.Config, os.Environ(), flags)
}

var cli struct {
	Serve   serveCommand   `cmd:"" help:"Serve. The first start makes a pool and prints its credentials once."`
	Init    initCommand    `cmd:"" help:"Make a pool without serving, and print its credentials."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version's schema."`
	Keys    keysCommand    `cmd:"" help:"Work on the keys that tokens are signed with."`
	Doctor  doctorCommand  `cmd:"" help:"Check configuration, database, files and clock; say what is wrong and how to mend it."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	parser, err := kong.New(&cli, kong.Name("guildhall"), kong.Description("A self-hosted identity server."), kong.UsageOnError())
	if err != nil {
		panic(err)
	}
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "guildhall:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "guildhall:", err)
		var wrong *server.ConfigError
		if errors.As(err, &wrong) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

type serveCommand struct {
	common
	Dev bool `help:"For developers on their own machine: catch mails and texts and show them at /dev/inbox."`
}

// firstPool is the name of the pool that the first start makes.
const firstPool = "Guildhall"

func (s *serveCommand) Run(ctx context.Context) error {
	if s.Dev {
		s.extra = map[string]string{"dev": "true"}
	}
	config, err := s.load()
	if err != nil {
		return err
	}
	logger := server.NewLogger(config, os.Stderr)
	if config.Dev {
		logger.Warn("the developer's mode is on: codes and mails are shown to whoever opens /dev/inbox")
	}
	for _, name := range config.Ignored {
		logger.Debug("this variable of the environment is no setting", "name", name)
	}
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return &server.ConfigError{Key: "listen", Problem: err.Error()}
	}
	defer listener.Close()
	srv, err := server.Build(ctx, config, version, logger)
	if err != nil {
		return err
	}
	defer srv.Close()
	made, err := srv.CreatePool(ctx, firstPool, true)
	if err != nil {
		return err
	}
	if made != nil {
		printWelcome(os.Stdout, made)
	}
	logger.Info("serving", "listen", listener.Addr().String(), "base_url", config.BaseURL, "database", srv.DB.Engine(), "version", version)
	return srv.Run(ctx, listener)
}

type initCommand struct {
	common
	PoolName string `name:"pool-name" required:"" help:"Name of the pool."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

func (i *initCommand) Run(ctx context.Context) error {
	config, err := i.load()
	if err != nil {
		return err
	}
	srv, err := server.Build(ctx, config, version, server.NewLogger(config, os.Stderr))
	if err != nil {
		return err
	}
	defer srv.Close()
	made, err := srv.CreatePool(ctx, i.PoolName, false)
	if err != nil {
		return err
	}
	if i.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetEscapeHTML(false)
		return e.Encode(made)
	}
	printWelcome(os.Stdout, made)
	return nil
}

type migrateCommand struct{ common }

func (m *migrateCommand) Run(ctx context.Context) error {
	config, err := m.load()
	if err != nil {
		return err
	}
	if err := config.MakeData(); err != nil {
		return err
	}
	before, after, err := db.Migrate(ctx, config.DB)
	if err != nil {
		return err
	}
	if before == after {
		fmt.Printf("The schema is at version %d already.\n", after)
	} else {
		fmt.Printf("Migrated the schema from version %d to %d.\n", before, after)
	}
	return nil
}

type keysCommand struct {
	Rotate rotateCommand `cmd:"" help:"Sign with other keys from now on; those before stay published until nothing that they signed is valid."`
}

type rotateCommand struct {
	common
	Pool string `help:"Identifier of the pool. Empty: the default pool." placeholder:"ID"`
}

func (r *rotateCommand) Run(ctx context.Context) error {
	config, err := r.load()
	if err != nil {
		return err
	}
	srv, err := server.Build(ctx, config, version, server.NewLogger(config, os.Stderr))
	if err != nil {
		return err
	}
	defer srv.Close()
	pool, err := srv.RotateKeys(ctx, r.Pool)
	if err != nil {
		return err
	}
	fmt.Printf("The pool %s signs with other keys. Servers that are running notice within a minute.\n", pool)
	return nil
}

type doctorCommand struct{ common }

func (d *doctorCommand) Run(ctx context.Context) error {
	config, err := d.load()
	if err != nil {
		return err
	}
	bad := 0
	for _, f := range server.Examine(ctx, config) {
		mark := "ok   "
		switch {
		case f.Bad:
			mark, bad = "WRONG", bad+1
		case f.Mend != "":
			mark = "note "
		}
		fmt.Printf("%s  %-16s %s\n", mark, f.What, f.Found)
		if f.Mend != "" {
			fmt.Printf("%24s%s\n", "", f.Mend)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the checks failed", bad)
	}
	return nil
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println("guildhall", version)
	return nil
}

// printWelcome shows a new pool's credentials with a beginning for each official client.
func printWelcome(w io.Writer, c *server.Credentials) {
	fill := strings.NewReplacer("HOST", c.Host, "POOL_ID", c.UserPoolID, "POOL_SECRET", c.UserPoolSecret, "APP_ID", c.AppID,
		"APP_SECRET", c.AppSecret, "KEY_ID", c.AccessKeyID, "KEY_SECRET", c.AccessKeySecret, "ADMIN_NAME", c.AdminUsername, "ADMIN_PASSWORD", c.AdminPassword)
	_, _ = io.WriteString(w, fill.Replace(welcome))
}

const welcome = `
A new user pool is ready. These secrets are shown once; keep them.

  host               HOST
  user pool          POOL_ID   secret  POOL_SECRET
  application        APP_ID   secret  APP_SECRET
  access key         KEY_ID   secret  KEY_SECRET
  administrator      ADMIN_NAME   password  ADMIN_PASSWORD
  sign-in page       HOST/login?app_id=APP_ID

V3, npm install authing-node-sdk:

  const { ManagementClient } = require('authing-node-sdk');
  const client = new ManagementClient({
    host: 'HOST',
    accessKeyId: 'KEY_ID',
    accessKeySecret: 'KEY_SECRET',
  });
  (async () => {
    console.log(await client.createUser({ username: 'bob', password: 'a long passphrase' }));
    console.log(await client.listUsers({}));
  })();

V2, npm install authing-js-sdk:

  const { ManagementClient } = require('authing-js-sdk');
  const client = new ManagementClient({
    host: 'HOST',
    userPoolId: 'POOL_ID',
    secret: 'POOL_SECRET',
  });
  (async () => {
    console.log(await client.users.create({ username: 'alice', password: 'a long passphrase' }));
    console.log(await client.users.list());
  })();

`
