package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Caught is a message in the developer's inbox.
type Caught struct {
	ID       string  `json:"id"`
	At       string  `json:"at"` // RFC 3339
	PoolID   string  `json:"userPoolId"`
	Channel  Channel `json:"channel"`
	Kind     Kind    `json:"kind"`
	To       string  `json:"to"`
	Language string  `json:"language"`
	From     string  `json:"from,omitzero"`
	Subject  string  `json:"subject,omitzero"`
	Code     string  `json:"code,omitzero"`
	Link     string  `json:"link,omitzero"`
	Text     string  `json:"text"`
	HTML     string  `json:"html,omitzero"`
}

// inboxSize is how many messages an inbox keeps.
const inboxSize = 500

// Inbox catches messages in memory instead of sending them, and writes them to the log: for developers, never where people are.
type Inbox struct {
	logger *slog.Logger
	mu     sync.Mutex
	ring   []Caught
	next   int
}

// NewInbox makes an empty inbox. logger, which may be nil, is told each message, codes and links included.
func NewInbox(logger *slog.Logger) *Inbox { return &Inbox{logger: logger} }

func (i *Inbox) send(_ context.Context, o *outgoing) error {
	c := Caught{ID: o.ID, At: time.UnixMilli(o.CreatedAt).UTC().Format(time.RFC3339Nano), PoolID: o.PoolID, Channel: o.Channel, Kind: o.Kind, To: o.To,
		Language: o.Language, From: o.Sender, Subject: o.Subject, Code: o.Params.Code, Link: o.Params.Link, Text: o.PlainText, HTML: o.HTML}
	i.mu.Lock()
	if len(i.ring) < inboxSize {
		i.ring = append(i.ring, c)
	} else {
		i.ring[i.next] = c
	}
	i.next = (i.next + 1) % inboxSize
	i.mu.Unlock()
	if i.logger != nil {
		i.logger.Info("caught a message: the developer's mode sends nothing", "channel", c.Channel, "to", c.To, "kind", c.Kind, "code", c.Code, "link", c.Link)
	}
	return nil
}

// Messages are those kept, newest first; to, when not empty, selects those to one address.
func (i *Inbox) Messages(to string) []Caught {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := make([]Caught, 0, len(i.ring))
	for k := range i.ring {
		c := i.ring[(i.next-1-k+2*len(i.ring))%len(i.ring)]
		if to == "" || c.To == to {
			out = append(out, c)
		}
	}
	return out
}
