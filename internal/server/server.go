// Package server builds everything once and serves it: configuration, the parts in their order, routes, listeners, health and a
// graceful stop. It is the only package that sees all others.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/gate"
	"github.com/guildhall-id/guildhall/internal/hosted"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/oidc"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/v2"
	"github.com/guildhall-id/guildhall/internal/v3"
)

// Server is a built Guildhall. Close it when done.
type Server struct {
	Config    *Config
	DB        *db.DB
	Log       *audit.Log
	Directory *directory.Directory
	Access    *access.Access
	Signin    *signin.Signin
	Notify    *notify.Notify

	version  string
	started  time.Time
	logger   *slog.Logger
	handler  http.Handler
	provider *oidc.Provider
	pagesKey []byte // seals what the hosted pages remember
	metrics  *metrics
	gates    map[string]*gate.Gate // all there are, by name
	stopped  atomic.Bool
	inbox    *notify.Inbox // nil but in the developer's mode
}

// Build opens the database, brings it to this version's schema and builds the parts over it. logger takes what the server has
// to say; version is told to clients.
func Build(ctx context.Context, c *Config, version string, logger *slog.Logger) (*Server, error) {
	if err := c.MakeData(); err != nil {
		return nil, err
	}
	master, created, err := secret.LoadMaster(c.MasterKeyFile, c.MasterKey)
	if err != nil {
		return nil, &ConfigError{"master_key", err.Error()}
	}
	if created {
		logger.Info("made the master key: keep a copy apart from the database, without it no secret can be read", "file", c.MasterKeyFile)
	}
	hasher, err := secret.NewHasher(c.Password)
	if err != nil {
		return nil, &ConfigError{"argon2_memory", err.Error()}
	}
	before, after, err := db.Migrate(ctx, c.DB)
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	if before != after {
		logger.Info("migrated the database", "from", before, "to", after)
	}
	d, err := db.Open(ctx, db.Options{DSN: c.DB, Readers: int(c.DBConnections), Deadline: c.RequestDeadline})
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	s := &Server{Config: c, DB: d, version: version, started: time.Now(), logger: logger}
	s.gates = map[string]*gate.Gate{"password": hasher.Gate()}
	s.Log = audit.New(d)
	s.pagesKey = master.Derive("hosted pages", 32)
	s.Directory = directory.New(directory.Options{DB: d, Log: s.Log, Master: master, Hasher: hasher})
	s.Access = access.New(d, s.Log, s.Directory)
	messages := notify.Options{DB: d, Log: s.Log, Master: master, SMSSettings: s.Directory.SMSProvider, SMTP: c.SMTP, Hook: c.Hook, Logger: logger}
	if c.Dev {
		s.inbox = notify.NewInbox(logger)
		messages.Inbox = s.inbox
	}
	s.Notify = notify.New(messages)
	s.Signin = signin.New(signin.Options{DB: d, Log: s.Log, Directory: s.Directory, Access: s.Access, Master: master, BaseURL: c.BaseURL,
		Development: c.Dev, Notify: s.Notify, Passcodes: c.Passcodes, PasskeyHost: c.PasskeyHost})
	err = s.checkMaster(ctx, created)
	if err == nil {
		err = s.mount()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return s, nil
}

// checkMaster refuses a master key that is not this database's, before anything is sealed under it: a lost key must be put back,
// not silently replaced by the new one that a missing file asks for.
func (s *Server) checkMaster(ctx context.Context, created bool) error {
	p, err := s.Directory.DefaultPool(ctx)
	if errors.Is(err, directory.ErrPoolNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.Directory.Keys(ctx, p.ID); err == nil {
		return nil
	}
	if created {
		os.Remove(s.Config.MasterKeyFile)
	}
	return &ConfigError{"master_key", "it does not open the secrets of this database: put back the key that belongs to it (" + s.Config.MasterKeyFile + ")"}
}

// Close closes the database.
func (s *Server) Close() error { return s.DB.Close() }

// Handler serves every route; tests may use it without a listener.
func (s *Server) Handler() http.Handler { return s.handler }

const avatarPath = "/assets/avatar.svg"

func (s *Server) mount() error {
	limits := op.Limits{Body: s.Config.MaxBody, Deadline: s.Config.RequestDeadline, Gates: newGates(s.Config)}
	for class, g := range limits.Gates {
		s.gates[op.Class(class).String()] = g
	}
	photo := s.Config.BaseURL + avatarPath
	three := v3.New(v3.Options{Directory: s.Directory, Access: s.Access, Signin: s.Signin, Notify: s.Notify, Log: s.Log, DB: s.DB, Limits: limits,
		Now: time.Now, Started: s.started, Window: s.Config.ClockWindow, DefaultPhoto: photo, Version: s.version})
	two, err := v2.New(v2.Options{Directory: s.Directory, Access: s.Access, Signin: s.Signin, Log: s.Log, DB: s.DB, Limits: limits,
		DefaultPhoto: photo, BaseURL: s.Config.BaseURL, Version: s.version})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	three.Mount(mux)
	two.Mount(mux)
	pages := hosted.New(hosted.Options{Signin: s.Signin, Directory: s.Directory, Limits: limits, BaseURL: s.Config.BaseURL, Key: s.pagesKey, Now: time.Now})
	s.provider = oidc.New(oidc.Options{Pages: pages, Signin: s.Signin, BaseURL: s.Config.BaseURL, Limits: limits, Now: time.Now, PrivateTargets: s.Config.PrivateTargets})
	s.provider.Mount(mux)
	pages.Mount(mux)
	s.metrics = newMetrics(s.version, s.gates)
	s.mountHealth(mux)
	if s.inbox != nil {
		s.mountInbox(mux)
	}
	cookies := browser.NewCookies(s.Config.BaseURL, s.Config.CrossSiteCookies)
	cookies.Allow = s.Signin.OriginAllowed
	s.handler = s.around(browser.Wrap(cookies, front(browser.CORS(s.Signin.OriginAllowed, mux))))
	return nil
}

// Run serves on the listener until ctx ends, then gives running requests the configured time and returns. A background purge
// runs meanwhile.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	c := s.Config
	errorLog := slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug)
	srv := &http.Server{Handler: s.handler, ErrorLog: errorLog, ReadHeaderTimeout: c.ReadTimeout, ReadTimeout: c.ReadTimeout,
		WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: int(c.MaxHeader)}
	servers := []*http.Server{srv}
	failed := make(chan error, 2)
	go func() { failed <- srv.Serve(l) }()
	if c.MetricsListen != "" {
		ml, err := net.Listen("tcp", c.MetricsListen)
		if err != nil {
			srv.Close()
			return &ConfigError{"metrics_listen", err.Error()}
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.metrics.handler())
		m := &http.Server{Handler: mux, ErrorLog: errorLog, ReadHeaderTimeout: c.ReadTimeout, ReadTimeout: c.ReadTimeout,
			WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: int(c.MaxHeader)}
		servers = append(servers, m)
		go func() { failed <- m.Serve(ml) }()
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if os.Getenv("GOGC") == "" {
		go keepMemory(background)
	}
	go s.housekeeping(background)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.Notify.Run(caller.With(background, &caller.Caller{Kind: caller.System}))
	}()
	// What has gone must be noted before the database closes, or it goes once more.
	defer func() { cancel(); <-sent }()
	go s.provider.Run(op.WithLogger(caller.With(background, &caller.Caller{Kind: caller.System}), s.logger)) // logout tokens
	go func() {
		if err := s.Directory.WarmSearch(background); err != nil && background.Err() == nil {
			s.logger.Warn("warming the search", "error", err)
		}
		debug.FreeOSMemory() // starting and reading a million users leave more garbage than serving them does
	}()
	go s.continueRules(background)

	select {
	case err := <-failed:
		for _, srv := range servers {
			srv.Close()
		}
		return err
	case <-ctx.Done():
	}
	s.stopped.Store(true)
	s.logger.Info("stopping", "deadline", c.StopTimeout.String())
	stop, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), c.StopTimeout)
	defer cancelStop()
	var errs []error
	for _, srv := range servers {
		if err := srv.Shutdown(stop); err != nil {
			srv.Close()
			errs = append(errs, fmt.Errorf("requests were cut off at the deadline: %w", err))
		}
	}
	return errors.Join(errs...)
}

// housekeeping removes what has run out.
func (s *Server) housekeeping(ctx context.Context) {
	ctx = caller.With(ctx, &caller.Caller{Kind: caller.System})
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
			if err := s.Access.SweepAssignments(ctx); err != nil {
				s.logger.Warn("sweeping role assignments", "error", err)
			}
			if err := s.Directory.SweepMemberships(ctx); err != nil {
				s.logger.Warn("sweeping memberships", "error", err)
			}
		case <-tick.C:
			if err := s.Signin.SweepDevices(ctx); err != nil {
				s.logger.Warn("sweeping device requests", "error", err)
			}
			if err := s.Directory.PurgeNonces(ctx); err != nil {
				s.logger.Warn("purging nonces", "error", err)
			}
			if err := s.Signin.SweepGuards(ctx); err != nil {
				s.logger.Warn("sweeping codes and failures", "error", err)
			}
			for gone := int64(1); gone > 0 && ctx.Err() == nil; {
				var err error
				if gone, err = s.Signin.SweepSignIn(ctx); err != nil {
					s.logger.Warn("sweeping tickets and sessions", "error", err)
					break
				}
			}
		}
	}
}

// continueRules finishes changes of dynamic groups' rules that a stop or a caller's deadline has cut off. It may take long.
func (s *Server) continueRules(ctx context.Context) {
	ctx = caller.With(ctx, &caller.Caller{Kind: caller.System})
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		if err := s.Directory.ContinueRules(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("continuing changes of group rules", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
		}
	}
}

// RotateKeys makes a pool, the default one when poolID is empty, sign with other keys, and returns its identifier.
func (s *Server) RotateKeys(ctx context.Context, poolID string) (string, error) {
	ctx = caller.With(ctx, &caller.Caller{Kind: caller.System})
	if poolID == "" {
		p, err := s.Directory.DefaultPool(ctx)
		if err != nil {
			return "", err
		}
		poolID = p.ID
	}
	return poolID, s.Signin.RotateKeys(ctx, poolID)
}

var errNotFirst = errors.New("there is a pool already")

// Credentials are what a client needs to reach a new pool, shown once. The json names are those that scripts read.
type Credentials struct {
	Host            string `json:"host"`
	UserPoolID      string `json:"userPoolId"`
	UserPoolSecret  string `json:"userPoolSecret"`
	AppID           string `json:"appId"`
	AppSecret       string `json:"appSecret"`
	AccessKeyID     string `json:"accessKeyId"`
	AccessKeySecret string `json:"accessKeySecret"`
	AdminUsername   string `json:"adminUsername"`
	AdminPassword   string `json:"adminPassword"`
}

// CreatePool makes a pool with an application, an administrator and an access key, all or nothing. With onlyFirst it does so if
// there is no pool yet and otherwise returns nil; of servers that start together on one database, one makes it.
func (s *Server) CreatePool(ctx context.Context, name string, onlyFirst bool) (*Credentials, error) {
	if onlyFirst {
		if _, err := s.Directory.DefaultPool(ctx); err == nil {
			return nil, nil
		} else if !errors.Is(err, directory.ErrPoolNotFound) {
			return nil, err
		}
	}
	ctx = caller.With(ctx, &caller.Caller{Kind: caller.System})
	out := &Credentials{Host: s.Config.BaseURL}
	p, a, err := s.Directory.CreatePool(ctx, name, func(ctx context.Context, p *directory.Pool, owner *directory.Administrator) error {
		switch {
		case p.IsDefault:
			// The row is the lock: a second first pool runs into its key.
			if _, err := db.Exec(ctx, s.DB, "insert into tallies (pool_id, name, slot, n) values ('', 'first pool', 0, 1)"); err != nil {
				return err
			}
		case onlyFirst:
			return errNotFirst
		}
		if err := s.Access.EnsureNamespace(ctx, p.ID, "default", "default"); err != nil {
			return err
		}
		app, err := s.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: name})
		if err != nil {
			return err
		}
		key, err := s.Directory.CreateKey(ctx, p.ID, directory.NewKey{Kind: "userpool", OwnerID: owner.ID})
		if err != nil {
			return err
		}
		out.AppID, out.AppSecret, out.AccessKeyID, out.AccessKeySecret = app.ID, app.Secret, key.ID, key.Secret
		return nil
	})
	switch {
	case err == nil:
	case errors.Is(err, errNotFirst), onlyFirst && db.IsUnique(err, "tallies", "slot"):
		return nil, nil
	case db.IsUnique(err, "tallies", "slot"):
		return s.CreatePool(ctx, name, false) // another process has just made the first
	default:
		return nil, err
	}
	out.UserPoolID, out.UserPoolSecret, out.AdminUsername, out.AdminPassword = p.ID, p.Secret, a.Username, a.Password
	return out, nil
}

// NewLogger makes the logger that the configuration asks for, writing to w.
func NewLogger(c *Config, w *os.File) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked when the configuration was read
	options := &slog.HandlerOptions{Level: level}
	format := c.LogFormat
	if format == "auto" {
		format = "json"
		if info, err := w.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			format = "text"
		}
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
