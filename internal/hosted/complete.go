package hosted

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// plainFields are the built-in fields that a page can ask for, with the browser's word for them and where the answer goes.
var plainFields = map[string]struct {
	complete string
	at       func(*directory.UserInput) **string
}{
	"username":          {"username", func(i *directory.UserInput) **string { return &i.Username }},
	"name":              {"name", func(i *directory.UserInput) **string { return &i.Name }},
	"nickname":          {"nickname", func(i *directory.UserInput) **string { return &i.Nickname }},
	"givenName":         {"given-name", func(i *directory.UserInput) **string { return &i.GivenName }},
	"familyName":        {"family-name", func(i *directory.UserInput) **string { return &i.FamilyName }},
	"middleName":        {"additional-name", func(i *directory.UserInput) **string { return &i.MiddleName }},
	"gender":            {"sex", func(i *directory.UserInput) **string { return &i.Gender }},
	"birthdate":         {"bday", func(i *directory.UserInput) **string { return &i.Birthdate }},
	"company":           {"organization", func(i *directory.UserInput) **string { return &i.Company }},
	"country":           {"country-name", func(i *directory.UserInput) **string { return &i.Country }},
	"province":          {"address-level1", func(i *directory.UserInput) **string { return &i.Province }},
	"city":              {"address-level2", func(i *directory.UserInput) **string { return &i.City }},
	"region":            {"address-level1", func(i *directory.UserInput) **string { return &i.Region }},
	"locality":          {"address-level2", func(i *directory.UserInput) **string { return &i.Locality }},
	"address":           {"street-address", func(i *directory.UserInput) **string { return &i.Address }},
	"streetAddress":     {"street-address", func(i *directory.UserInput) **string { return &i.StreetAddress }},
	"formatted":         {"street-address", func(i *directory.UserInput) **string { return &i.Formatted }},
	"postalCode":        {"postal-code", func(i *directory.UserInput) **string { return &i.PostalCode }},
	"website":           {"url", func(i *directory.UserInput) **string { return &i.Website }},
	"profile":           {"url", func(i *directory.UserInput) **string { return &i.Profile }},
	"locale":            {"language", func(i *directory.UserInput) **string { return &i.Locale }},
	"zoneinfo":          {"off", func(i *directory.UserInput) **string { return &i.Zoneinfo }},
	"preferredUsername": {"nickname", func(i *directory.UserInput) **string { return &i.PreferredUsername }},
}

// askedAtRegister are the fields that the application asks for at registration. Addresses need a code of their own and are asked for
// after it, where the application asks at sign-in too.
func (v *visit) askedAtRegister() ([]signin.AskedFor, error) {
	if !slices.Contains(v.app.Settings.CompletionAt, signin.AtRegister) {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(v.app.Settings.CompletionFields), func(f signin.AskedFor) bool {
		return !f.Custom && plainFields[f.Name].at == nil
	}), nil
}

// fieldInputs ask for fields of the user.
func (v *visit) fieldInputs(fields []signin.AskedFor, n *note) ([]input, error) {
	custom, err := v.customFields(fields)
	if err != nil {
		return nil, err
	}
	var list []input
	for _, f := range fields {
		in := input{Name: f.Name, Type: "text", Required: f.Required, Value: n.Values[f.Name], Most: 256}
		if !f.Required {
			in.Optional = v.T("optional")
		}
		switch field, known := custom[f.Name]; {
		case f.Custom && !known:
			continue
		case f.Custom:
			v.customInput(&in, field)
		case f.Name == "username":
			in.Label, in.Complete, in.Verbatim = v.T("account.username"), "username", true
		default:
			plain, ok := plainFields[f.Name]
			if !ok {
				continue
			}
			in.Label, in.Complete = v.T("field."+f.Name), plain.complete
			switch f.Name {
			case "gender":
				in.Choices = []option{{"F", v.T("gender.F")}, {"M", v.T("gender.M")}, {"U", v.T("gender.U")}}
			case "birthdate":
				in.Type = "date"
			case "website", "profile":
				in.Type, in.Mode = "url", "url"
			}
		}
		list = append(list, in)
	}
	return list, nil
}

// customFields are the pool's definitions of the custom fields among fields, by key.
func (v *visit) customFields(fields []signin.AskedFor) (map[string]directory.Field, error) {
	if !slices.ContainsFunc(fields, func(f signin.AskedFor) bool { return f.Custom }) {
		return nil, nil
	}
	list, err := v.dir.Fields(v.ctx, v.app.PoolID, directory.UserTarget)
	if err != nil {
		return nil, err
	}
	byKey := map[string]directory.Field{}
	for _, f := range list {
		byKey[f.Key] = f
	}
	return byKey, nil
}

func (v *visit) customInput(in *input, f directory.Field) {
	in.Label, in.Complete, in.Hint = f.Label, "off", f.Description
	if in.Label == "" {
		in.Label = f.Key
	}
	switch f.DataType {
	case directory.NumberData:
		in.Mode = "decimal"
	case directory.DatetimeData:
		in.Type = "date"
	case directory.BooleanData:
		in.Choices = []option{{"true", v.T("bool.true")}, {"false", v.T("bool.false")}}
	case directory.EnumData:
		for _, o := range f.Options {
			text := o.Label
			if text == "" {
				text = o.Value
			}
			in.Choices = append(in.Choices, option{o.Value, text})
		}
	}
}

// fieldAnswers are what a form says of the fields; a required one that is empty is refused.
func (v *visit) fieldAnswers(fields []signin.AskedFor) (in directory.UserInput, values map[string]jsontext.Value, err error) {
	custom, err := v.customFields(fields)
	if err != nil {
		return in, nil, err
	}
	for _, f := range fields {
		text := strings.TrimSpace(v.form.Get(f.Name))
		if text == "" {
			if f.Required {
				return in, nil, missing(errFieldMissing, f.Name)
			}
			continue
		}
		if !f.Custom {
			if plain, ok := plainFields[f.Name]; ok {
				*plain.at(&in) = &text
			}
			continue
		}
		field, ok := custom[f.Name]
		if !ok {
			continue
		}
		value, err := customValue(field.DataType, text)
		if err != nil {
			return in, nil, missing(errFieldType, f.Name)
		}
		if values == nil {
			values = map[string]jsontext.Value{}
		}
		values[f.Name] = value
	}
	return in, values, nil
}

// customValue is a typed text as a value of a field.
func customValue(t directory.DataType, text string) (jsontext.Value, error) {
	switch t {
	case directory.NumberData:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		return json.Marshal(n)
	case directory.BooleanData:
		return json.Marshal(text == "true")
	case directory.ObjectData:
		var x any
		if err := json.Unmarshal([]byte(text), &x); err != nil {
			return nil, err
		}
		return jsontext.Value(text), nil
	}
	return json.Marshal(text)
}

// completion is what a pending sign-in still has to ask: an address that needs a code, or the other fields.
type completion struct {
	step    *signin.Step
	address string // email or phone, which is to be proven next
	fields  []signin.AskedFor
}

func (v *visit) completion(f *signin.Flow) (*completion, error) {
	step, err := v.signin.FlowStep(v.ctx, f)
	if err != nil {
		return nil, err
	}
	c := &completion{step: step}
	for _, a := range step.Missing {
		by := a.Name
		if a.Custom || by != "email" && by != "phone" {
			c.fields = append(c.fields, a)
			continue
		}
		if _, proven := v.state.Proofs[by]; !proven && c.address == "" {
			c.address = by
		}
	}
	return c, nil
}

// completePage asks for what the application wants to know.
func (v *visit) completePage(f *signin.Flow) (*view, error) {
	c, err := v.completion(f)
	if err != nil {
		return nil, err
	}
	n := v.state.Note
	if n == nil || n.Page != stepPath {
		n = &note{}
	}
	page := &view{Emblem: "person", Heading: v.T("complete.heading"), Lead: v.T("complete.lead", v.app.Name)}
	if v.r.URL.Query().Get("other") != "" {
		delete(v.state.Sent, "step")
		v.dirty = true
	}
	switch sent := v.state.sentTo("step", v.door.key()); {
	case c.address != "" && (sent == nil || (sent.Email != "") != (c.address == "email")):
		form := v.addressForm(stepSendPath, c.address, n)
		page.Forms = append(page.Forms, form)
	case c.address != "":
		policy, err := v.signin.Policy(v.ctx, v.app)
		if err != nil {
			return nil, err
		}
		page.Alert = &alert{Text: v.T("code.sent_any", sent.text())}
		code := v.codeForm(stepPath, "", policy.CodeLength, v.T("continue"))
		code.Hidden = []pair{{"do", "prove"}}
		page.Forms = append(page.Forms, code, v.againForm(stepSendPath, c.address, sent))
		page.Links = append(page.Links, link{Text: v.T("code.elsewhere"), URL: v.door.at(stepPath, "other", "1")})
	default:
		inputs, err := v.fieldInputs(c.fields, n)
		if err != nil {
			return nil, err
		}
		page.Forms = append(page.Forms, form{Action: v.door.at(stepPath), Inputs: inputs, Buttons: []button{{Text: v.T("complete.submit")}}})
	}
	if c.step.MaySkip {
		page.Forms = append(page.Forms, form{Action: v.door.at(stepPath), Class: "inline", Hidden: []pair{{"do", "skip"}}, Buttons: []button{{Text: v.T("complete.skip"), Kind: "quiet"}}})
	}
	return page, nil
}

// sendCompletion sends a code to the address that a user adds.
func (v *visit) sendCompletion(f *signin.Flow) error {
	c, err := v.completion(f)
	if err != nil || c.address == "" {
		return err
	}
	return v.sendCode("step", c.address, signin.PurposeComplete)
}

func (v *visit) doComplete(f *signin.Flow) (string, error) {
	if v.form.Get("do") == "skip" {
		out, err := v.signin.SkipCompletion(v.ctx, f)
		if err != nil {
			return "", err
		}
		return v.arrived(out, v.state.Flow.Keep)
	}
	c, err := v.completion(f)
	if err != nil {
		return "", err
	}
	if v.form.Get("do") == "prove" {
		sent := v.state.sentTo("step", v.door.key())
		if sent == nil || c.address == "" {
			return v.door.at(stepPath), nil
		}
		token, _, err := v.signin.ProveAddress(v.ctx, v.app, signin.PurposeComplete, signin.Address{Email: sent.Email, Phone: sent.Phone, PhoneCountryCode: sent.Country}, v.code())
		if err != nil {
			return "", err
		}
		if v.state.Proofs == nil {
			v.state.Proofs = map[string]proof{}
		}
		v.state.Proofs[c.address] = proof{address: *sent, Token: token}
		delete(v.state.Sent, "step")
		v.dirty = true
		if c, err = v.completion(f); err != nil || c.address != "" || len(c.fields) > 0 {
			return v.door.at(stepPath), err
		}
	}
	var p signin.ProfilePatch
	if p.UserInput, p.Custom, err = v.fieldAnswers(c.fields); err != nil {
		return "", err
	}
	if e, ok := v.state.Proofs["email"]; ok {
		p.Email, p.EmailProof = &e.Email, e.Token
	}
	if t, ok := v.state.Proofs["phone"]; ok {
		p.Phone, p.PhoneCountryCode, p.PhoneProof = &t.Phone, &t.Country, t.Token
	}
	out, err := v.signin.Complete(v.ctx, f, p)
	if err != nil {
		v.state.Proofs, v.dirty = nil, true // a proof that has run out is asked for anew
		return "", err
	}
	return v.arrived(out, v.state.Flow.Keep)
}
