package v3

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// eventOperations is the domain event of the authentication client: what applications say has happened. Both clients have a method for the
// one address, with words of their own.
func (a *API) eventOperations() []op.Op {
	return []op.Op{op.Post("/api/v3/pub-userEvent", "pubUserEvent", op.KeyOrUser, a.publishEvent)}
}

type publishEventInput struct {
	EventType *string        `json:"eventType"`
	EventData jsontext.Value `json:"eventData"`
	EventName *string        `json:"eventName"`
	Data      jsontext.Value `json:"data"`
}

func (a *API) publishEvent(ctx context.Context, in *publishEventInput) (success, error) {
	name, data := value(in.EventType), in.EventData
	if name == "" {
		name = value(in.EventName)
	}
	if data == nil {
		data = in.Data
	}
	switch {
	case name == "":
		return success{}, fault.Field("eventType")
	case data == nil || data.Kind() == 'n':
		return success{}, fault.Field("eventData")
	}
	text := string(data)
	if data.Kind() == '"' {
		plain, err := jsontext.AppendUnquote(nil, data)
		if err != nil {
			return success{}, fault.Field("eventData")
		}
		text = string(plain)
	}
	return succeeded(a.Signin.PublishEvent(ctx, poolOf(ctx), name, text))
}
