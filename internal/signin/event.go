package signin

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
)

const (
	mostEventName = 128 // characters
	mostEventData = 8 << 10
)

// PublishEvent writes down an event of an application's own, which the caller of ctx reports: a user of themselves, or a server. It stands in
// the log as "userEvent" under its name, so that it cannot pass for one that happened here. fault.Field for a name or data that are too long.
func (s *Signin) PublishEvent(ctx context.Context, poolID, name, data string) error {
	if err := directory.CheckText("eventType", name, mostEventName); err != nil {
		return err
	}
	if err := directory.CheckText("eventData", data, mostEventData); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Create, Resource: audit.Published, TargetName: name, UserEvent: "userEvent",
			After: map[string]any{"data": data}})
	})
}
