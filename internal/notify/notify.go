// Package notify tells people things: by mail and by text message. What is to be sent is written down in the transaction that
// wants it sent and goes out afterwards, from whichever server comes first, until it is through or its time is over.
package notify

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Channel is a way to reach somebody.
type Channel string

// The ways.
const (
	Mail Channel = "mail"
	SMS  Channel = "sms"
)

// Errors of sending.
var (
	// ErrNoMail says that neither the pool nor the server has a mail provider.
	ErrNoMail = fault.New(fault.Unprocessable, "mail_not_configured")
	// ErrNoSMS says that neither the pool nor the server has a way to send texts.
	ErrNoSMS = fault.New(fault.Unprocessable, "sms_not_configured")
)

// Options are what a Notify is built from. DB, Log and Master must be set.
type Options struct {
	DB     *db.DB
	Log    *audit.Log
	Master *secret.Master
	// SMSSettings returns the pool's own provider of texts and its configuration, opened; "" when it has none.
	SMSSettings func(ctx context.Context, poolID string) (provider, config string, err error)
	// SMTP is the server's own mail provider, for pools that have none.
	SMTP SMTP
	// Hook takes the texts of pools that have no provider of their own.
	Hook Hook
	// Inbox, when not nil, catches what nothing else is configured for: the developer's mode.
	Inbox *Inbox
	// Logger takes what cannot be sent; nil discards it.
	Logger *slog.Logger
	// HTTP sends what goes over HTTP; nil means a client of its own.
	HTTP *http.Client
}

// Notify sends the messages of all pools. It is safe for use by many goroutines.
type Notify struct {
	Options
	server string        // names this process in leases
	wake   chan struct{} // there is something new to send
	pause  func(attempt int64) time.Duration
	under  underWay
}

// New builds the package. Nothing is sent before Run or Deliver.
func New(o Options) *Notify {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = newClient()
	}
	return &Notify{Options: o, server: secret.Random(8), wake: make(chan struct{}, 1), pause: backoff}
}

// Params are what a message may say; what is empty it does not.
type Params struct {
	App      string `json:"app,omitzero"`      // name of the application, or of the pool
	User     string `json:"user,omitzero"`     // how the person is called
	Email    string `json:"email,omitzero"`    // address of the person
	Code     string `json:"code,omitzero"`     // a one-time code
	Link     string `json:"link,omitzero"`     // where to go; begins with the server's configured address
	Password string `json:"password,omitzero"` // one that an administrator has set
	Minutes  int64  `json:"minutes,omitzero"`  // for how long code or link are good
}

// Message is something to be told to somebody.
type Message struct {
	Channel  Channel
	To       string // a mail address, or a phone number as +<country><number>
	Kind     Kind
	Language string // BCP 47; English when it begins with "en", else Chinese
	Params   Params
	// Once makes the message one of its kind: of several with the same in a pool one is sent. "" sends each.
	Once string
	// Life is how long the message is worth sending; 0 means a day.
	Life time.Duration
	// Unwanted messages go the whole way but to nobody: what the server does tells nothing of whether there is an addressee.
	Unwanted bool
}

// Ready reports by its error whether messages of a pool can be sent at all: ErrNoMail, ErrNoSMS.
func (n *Notify) Ready(ctx context.Context, poolID string, c Channel) error {
	_, err := n.carrier(ctx, poolID, c)
	return err
}
