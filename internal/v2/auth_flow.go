package v2

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// authFlowInput is a step of a pending sign-in. FlowHandle is what the last answer told; some actions name the sign-in by mfaToken too.
type authFlowInput struct {
	Action     string         `json:"action" rule:"required,len=64"`
	Data       jsontext.Value `json:"data"`
	FlowHandle string         `json:"flowHandle" rule:"len=256"`
}

// flowData is all that actions bring with them.
type flowData struct {
	MFAToken         string         `json:"mfaToken"`
	TOTP             string         `json:"totp"`
	Email            string         `json:"email"`
	Phone            string         `json:"phone"`
	PhoneCountryCode string         `json:"phoneCountryCode"`
	Code             string         `json:"code"`
	RecoveryCode     string         `json:"recoveryCode"`
	Credential       jsontext.Value `json:"credential"`
	Ticket           string         `json:"ticket"`
	Password         string         `json:"password"`    // encrypted
	OldPassword      string         `json:"oldPassword"` // encrypted
	FieldValues      []fieldValue   `json:"fieldValues"`
	RememberDevice   bool           `json:"rememberDevice"` // ours: the browser is to be spared the second factor from now on
}

// fieldValue is a field that completes a user. Code is the one-time code of an e-mail address or a phone number.
type fieldValue struct {
	Name             string         `json:"name"`
	Value            jsontext.Value `json:"value"`
	Code             string         `json:"code"`
	PhoneCountryCode string         `json:"phoneCountryCode"`
}

// flowCall is one call of authFlow.
type flowCall struct {
	flowData
	handle string
	data   jsontext.Value
}

// flowAnswer is how far an action came: to a session (done), or to something that the client is told while the sign-in still waits.
type flowAnswer struct {
	app  *signin.Application
	out  *signin.Outcome
	told any // where out is nil
}

// flowActions are the actions of the wire; those of identity sources and tenants are not among them.
var flowActions = map[string]func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error){
	"verify-totp": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowFactor(ctx, in, signin.FactorProof{Type: signin.FactorOTP, Code: in.TOTP})
	},
	"verify-sms": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowFactor(ctx, in, signin.FactorProof{Type: signin.FactorSMS, Code: in.Code,
			To: signin.Address{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}})
	},
	"verify-email": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowFactor(ctx, in, signin.FactorProof{Type: signin.FactorEmail, Code: in.Code, To: signin.Address{Email: in.Email}})
	},
	"passkey-verify": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowFactor(ctx, in, signin.FactorProof{Type: signin.FactorPasskey, Ticket: in.Ticket, Credential: in.Credential})
	},
	"passkey-bind": (*API).flowBindPasskey,
	"verify-totp-first-time": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		recovery, err := a.signin.ConfirmOTPInFlow(ctx, in.handle, in.TOTP)
		return flowAnswer{told: recoveryTold{recovery}}, err
	},
	"recovery-totp": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		next, err := a.signin.RecoverInFlow(ctx, in.handle, in.flowData.RecoveryCode)
		return flowAnswer{told: recoveryTold{next}}, err
	},
	"confirm-totp-recovery-code": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowProven(ctx)(a.signin.FactorRead(ctx, in.handle, in.RememberDevice))
	},
	"reset-password-first-time": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowStep(ctx, in, func(f *signin.Flow) (*signin.Outcome, error) {
			password, err := a.decrypted(ctx, f.App.PoolID, in.Password)
			if err != nil {
				return nil, err
			}
			return a.signin.FirstPassword(ctx, f, password)
		})
	},
	"reset-password-forced": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowStep(ctx, in, func(f *signin.Flow) (*signin.Outcome, error) {
			password, err := a.decrypted(ctx, f.App.PoolID, in.Password)
			if err != nil {
				return nil, err
			}
			old := ""
			if in.OldPassword != "" {
				if old, err = a.decrypted(ctx, f.App.PoolID, in.OldPassword); err != nil {
					return nil, err
				}
			}
			return a.signin.ForcedPassword(ctx, f, old, password)
		})
	},
	"complete-completion": (*API).flowComplete,
	"skip-completion": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowStep(ctx, in, func(f *signin.Flow) (*signin.Outcome, error) { return a.signin.SkipCompletion(ctx, f) })
	},
	"unlock-account-by-email": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowUnlock(ctx, in, signin.Address{Email: in.Email})
	},
	"unlock-account-by-phone": func(a *API, ctx context.Context, in *flowCall) (flowAnswer, error) {
		return a.flowUnlock(ctx, in, signin.Address{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode})
	},
	"verify-face":    (*API).flowNoFace,
	"associate-face": (*API).flowNoFace,
}

type recoveryTold struct {
	RecoveryCode string `json:"recoveryCode"`
}

// flowTold is the answer to an action. Clients look at statusCode first: 200 stays on the view, 302 leaves it.
type flowTold struct {
	Code       int    `json:"code"`
	StatusCode int    `json:"statusCode"`
	APICode    int    `json:"apiCode,omitzero"`
	Message    string `json:"message"`
	Data       any    `json:"data"`
	FlowHandle string `json:"flowHandle,omitzero"`
}

const (
	flowEnd  = 1600 // the session is there
	flowBack = 1699 // back to the first page
)

// flowUser is the data of an ended flow.
type flowUser struct {
	User *user `json:"user"`
}

// authFlow takes the steps of a pending sign-in.
func (a *API) authFlow(ctx context.Context, in *authFlowInput) (raw, error) {
	act := flowActions[in.Action]
	if act == nil {
		return nil, fault.New(fault.Unsupported, "operation_unsupported", "authFlow "+in.Action)
	}
	call := &flowCall{handle: in.FlowHandle, data: in.Data}
	if len(in.Data) > 0 && in.Data.Kind() != 'n' {
		if err := json.Unmarshal(in.Data, &call.flowData); err != nil {
			return nil, fault.Field("data").Because(err)
		}
	}
	if call.handle == "" {
		call.handle = call.MFAToken
	}
	done, err := act(a, ctx, call)
	if err != nil {
		return nil, err
	}
	if done.out == nil {
		if back, ok := done.told.(flowTold); ok {
			return encodeRaw(back)
		}
		return encodeRaw(flowTold{Code: 200, StatusCode: 200, Message: "success", Data: done.told, FlowHandle: call.handle})
	}
	u, err := a.entered(within(ctx, done.app), done.app, done.out, detail{identities: true})
	if err != nil {
		return nil, err
	}
	return encodeRaw(flowTold{Code: 200, StatusCode: statusStep, APICode: flowEnd, Message: "success", Data: flowUser{u}})
}

// flowFactor shows a second factor.
func (a *API) flowFactor(ctx context.Context, in *flowCall, p signin.FactorProof) (flowAnswer, error) {
	p.Remember = in.RememberDevice
	return a.flowProven(ctx)(a.signin.ProveFactor(ctx, in.handle, p))
}

func (a *API) flowProven(ctx context.Context) func(*signin.FactorOutcome, error) (flowAnswer, error) {
	return func(out *signin.FactorOutcome, err error) (flowAnswer, error) {
		if err != nil {
			return flowAnswer{}, err
		}
		a.keepDevice(ctx, out)
		return flowAnswer{app: out.App, out: out.Outcome}, nil
	}
}

// flowBindPasskey takes the credential as the whole data, as the vendor's component sends it, or under its own key.
func (a *API) flowBindPasskey(ctx context.Context, in *flowCall) (flowAnswer, error) {
	credential := in.Credential
	if len(credential) == 0 {
		credential = in.data
	}
	return a.flowProven(ctx)(a.signin.BindPasskey(ctx, in.handle, credential, in.RememberDevice))
}

func (a *API) flowNoFace(context.Context, *flowCall) (flowAnswer, error) {
	return flowAnswer{}, signin.ErrFactorUnsupported
}

// flowStep takes a step that is no second factor.
func (a *API) flowStep(ctx context.Context, in *flowCall, step func(*signin.Flow) (*signin.Outcome, error)) (flowAnswer, error) {
	f, err := a.signin.Flow(ctx, in.handle)
	if err != nil {
		return flowAnswer{}, err
	}
	out, err := step(f)
	return flowAnswer{app: f.App, out: out}, err
}

// flowComplete fills in what the application asks for. Names are those of the user's fields, or of custom ones.
func (a *API) flowComplete(ctx context.Context, in *flowCall) (flowAnswer, error) {
	return a.flowStep(ctx, in, func(f *signin.Flow) (*signin.Outcome, error) {
		p := signin.ProfilePatch{Custom: map[string]jsontext.Value{}}
		plain := map[string]jsontext.Value{}
		for _, v := range in.FieldValues {
			if len(v.Value) == 0 {
				v.Value = jsontext.Value("null")
			}
			if slices.ContainsFunc(f.App.Settings.CompletionFields, func(asked signin.AskedFor) bool { return asked.Custom && asked.Name == v.Name }) {
				p.Custom[v.Name] = v.Value
				continue
			}
			plain[v.Name] = v.Value
			switch v.Name {
			case "email":
				p.EmailProof = v.Code
			case "phone":
				p.PhoneProof = v.Code
				if v.PhoneCountryCode != "" {
					plain["phoneCountryCode"], _ = jsontext.AppendQuote(nil, v.PhoneCountryCode)
				}
			}
		}
		text, err := json.Marshal(plain)
		if err != nil {
			return nil, fault.Field("fieldValues").Because(err)
		}
		var profile registerProfile
		if err := json.Unmarshal(text, &profile); err != nil {
			return nil, fault.Field("fieldValues").Because(err)
		}
		p.UserInput = profile.fields()
		return a.signin.Complete(ctx, f, p)
	})
}

// flowUnlock unlocks an account that too many wrong passwords have locked. No sign-in is pending then: the person begins again.
func (a *API) flowUnlock(ctx context.Context, in *flowCall, to signin.Address) (flowAnswer, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return flowAnswer{}, err
	}
	if in.Password == "" {
		err = a.signin.Unlock(ctx, app, to, in.Code)
	} else {
		var password string
		if password, err = a.decrypted(ctx, app.PoolID, in.Password); err == nil {
			err = a.signin.UnlockByPassword(ctx, app, to, in.Code, password)
		}
	}
	return flowAnswer{told: flowTold{Code: 200, StatusCode: statusStep, APICode: flowBack, Message: "success"}}, err
}
