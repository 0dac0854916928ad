package v3

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// userDTO is a user as the wire shows one: UserDto. What has no value is null; what only shows when asked for (with) is
// left out otherwise.
type userDTO struct {
	UserID                   string         `json:"userId"`
	CreatedAt                moment         `json:"createdAt"`
	UpdatedAt                moment         `json:"updatedAt"`
	Status                   string         `json:"status"`
	WorkStatus               string         `json:"workStatus"`
	ExternalID               *string        `json:"externalId"`
	Email                    *string        `json:"email"`
	Phone                    *string        `json:"phone"`
	PhoneCountryCode         *string        `json:"phoneCountryCode"`
	Username                 *string        `json:"username"`
	Name                     *string        `json:"name"`
	Nickname                 *string        `json:"nickname"`
	Photo                    *string        `json:"photo"`
	LoginsCount              int64          `json:"loginsCount"`
	LastLogin                moment         `json:"lastLogin"`
	LastIP                   *string        `json:"lastIp"`
	Gender                   string         `json:"gender"`
	EmailVerified            bool           `json:"emailVerified"`
	PhoneVerified            bool           `json:"phoneVerified"`
	PasswordLastSetAt        moment         `json:"passwordLastSetAt"`
	Birthdate                *string        `json:"birthdate"`
	Country                  *string        `json:"country"`
	Province                 *string        `json:"province"`
	City                     *string        `json:"city"`
	Address                  *string        `json:"address"`
	StreetAddress            *string        `json:"streetAddress"`
	PostalCode               *string        `json:"postalCode"`
	Company                  *string        `json:"company"`
	Browser                  *string        `json:"browser"`
	Device                   *string        `json:"device"`
	GivenName                *string        `json:"givenName"`
	FamilyName               *string        `json:"familyName"`
	MiddleName               *string        `json:"middleName"`
	Profile                  *string        `json:"profile"`
	PreferredUsername        *string        `json:"preferredUsername"`
	Website                  *string        `json:"website"`
	Zoneinfo                 *string        `json:"zoneinfo"`
	Locale                   *string        `json:"locale"`
	Formatted                *string        `json:"formatted"`
	Region                   *string        `json:"region"`
	UserSourceType           string         `json:"userSourceType"`
	UserSourceID             *string        `json:"userSourceId"`
	LastLoginApp             *string        `json:"lastLoginApp"`
	MainDepartmentID         *string        `json:"mainDepartmentId"`
	LastMFATime              moment         `json:"lastMfaTime"`
	PasswordSecurityLevel    *int64         `json:"passwordSecurityLevel"`
	ResetPasswordOnNextLogin bool           `json:"resetPasswordOnNextLogin"`
	RegisterSource           []string       `json:"registerSource"`
	DepartmentIDs            []string       `json:"departmentIds,omitzero"`
	Identities               []identityDTO  `json:"identities,omitzero"`
	IdentityNumber           *string        `json:"identityNumber"`
	CustomData               customData     `json:"customData,omitzero"`
	MetadataSource           jsontext.Value `json:"metadataSource"`
	PostIDList               []string       `json:"postIdList,omitzero"`
	StatusChangedAt          moment         `json:"statusChangedAt"`
	TenantID                 *string        `json:"tenantId"`
	SignedUp                 moment         `json:"signedUp"`
	Flat                     jsontext.Value `json:",embed"` // custom values as members of the user
}

// userNames are the members of a user, which no custom value replaces.
var userNames = memberNames(reflect.TypeFor[userDTO]())

// memberNames are the names that a struct's fields have in JSON.
func memberNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// with says what to show of a user beside what always shows.
type with struct {
	customData, flat, identities, departmentIDs, posts bool
}

// viewUsers shows users in order, with one query for all that each kind of with asks for.
func (a *API) viewUsers(ctx context.Context, users []directory.User, w with) ([]userDTO, error) {
	values, identities, err := a.userParts(ctx, users, w)
	if err != nil {
		return nil, err
	}
	departments, posts, err := a.userPlaces(ctx, users, w)
	if err != nil {
		return nil, err
	}
	list := make([]userDTO, len(users))
	for i := range users {
		u, d := &users[i], &list[i]
		a.fillUser(d, u)
		if w.customData {
			d.CustomData = customDataOf(values[u.ID])
		}
		if w.flat {
			d.Flat = flatten(values[u.ID], userNames)
		}
		if w.identities {
			d.Identities = viewIdentities(identities[u.ID])
		}
		if w.departmentIDs {
			d.DepartmentIDs = listOf(departments[u.ID])
		}
		if w.posts {
			d.PostIDList = listOf(posts[u.ID])
		}
	}
	return list, nil
}

// userParts reads what w asks for beyond the users' own rows.
func (a *API) userParts(ctx context.Context, users []directory.User, w with) (values map[string][]directory.Value, identities map[string][]directory.Identity, err error) {
	if len(users) == 0 || !w.customData && !w.flat && !w.identities {
		return nil, nil, nil
	}
	ids := make([]string, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	if w.customData || w.flat {
		if values, err = a.Directory.Values(ctx, poolOf(ctx), directory.UserTarget, ids); err != nil {
			return nil, nil, err
		}
	}
	if w.identities {
		identities, err = a.Directory.Identities(ctx, poolOf(ctx), ids)
	}
	return values, identities, err
}

// userPlaces reads the departments and posts of users, by user, where w asks for them.
func (a *API) userPlaces(ctx context.Context, users []directory.User, w with) (departments, posts map[string][]string, err error) {
	if len(users) == 0 || !w.departmentIDs && !w.posts {
		return nil, nil, nil
	}
	ids := make([]string, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	if w.departmentIDs {
		if departments, err = a.Directory.DepartmentIDsOf(ctx, poolOf(ctx), ids); err != nil {
			return nil, nil, err
		}
	}
	if w.posts {
		posts, err = a.Directory.PostIDsOfUsers(ctx, poolOf(ctx), ids)
	}
	return departments, posts, err
}

// viewUser shows one user.
func (a *API) viewUser(ctx context.Context, u *directory.User, w with) (*userDTO, error) {
	if w == (with{}) {
		d := new(userDTO)
		a.fillUser(d, u)
		return d, nil
	}
	list, err := a.viewUsers(ctx, []directory.User{*u}, w)
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// fillUser fills d with u's own row. d points into u.
func (a *API) fillUser(d *userDTO, u *directory.User) {
	*d = userDTO{
		UserID:                   u.ID,
		CreatedAt:                moment(u.CreatedAt),
		UpdatedAt:                moment(u.UpdatedAt),
		Status:                   string(u.Status),
		WorkStatus:               u.WorkStatus,
		ExternalID:               text(&u.ExternalID),
		Email:                    text(&u.Email),
		Phone:                    text(&u.Phone),
		PhoneCountryCode:         text(&u.PhoneCountryCode),
		Username:                 text(&u.Username),
		Name:                     text(&u.Name),
		Nickname:                 text(&u.Nickname),
		Photo:                    text(&u.Photo),
		LoginsCount:              u.LoginsCount,
		LastLogin:                moment(u.LastLoginAt),
		LastIP:                   text(&u.LastLoginIP),
		Gender:                   u.Gender,
		EmailVerified:            u.EmailVerified,
		PhoneVerified:            u.PhoneVerified,
		PasswordLastSetAt:        moment(u.PasswordSetAt),
		Birthdate:                text(&u.Birthdate),
		Country:                  text(&u.Country),
		Province:                 text(&u.Province),
		City:                     text(&u.City),
		Address:                  text(&u.Address),
		StreetAddress:            text(&u.StreetAddress),
		PostalCode:               text(&u.PostalCode),
		Company:                  text(&u.Company),
		Browser:                  text(&u.Browser),
		Device:                   text(&u.Device),
		GivenName:                text(&u.GivenName),
		FamilyName:               text(&u.FamilyName),
		MiddleName:               text(&u.MiddleName),
		Profile:                  text(&u.Profile),
		PreferredUsername:        text(&u.PreferredUsername),
		Website:                  text(&u.Website),
		Zoneinfo:                 text(&u.Zoneinfo),
		Locale:                   text(&u.Locale),
		Formatted:                text(&u.Formatted),
		Region:                   text(&u.Region),
		UserSourceType:           u.SourceType,
		UserSourceID:             text(&u.SourceID),
		LastLoginApp:             text(&u.LastLoginApp),
		MainDepartmentID:         text(&u.MainDepartmentID),
		LastMFATime:              moment(u.LastMFAAt),
		ResetPasswordOnNextLogin: u.ResetPasswordOnLogin,
		RegisterSource:           u.RegisterSource,
		IdentityNumber:           text(&u.IdentityNumber),
		MetadataSource:           rawOr(u.MetadataSource, "null"),
		StatusChangedAt:          moment(u.StatusChangedAt),
		TenantID:                 text(&u.TenantID),
		SignedUp:                 moment(u.SignedUpAt),
	}
	if d.Photo == nil {
		d.Photo = text(&a.DefaultPhoto)
	}
	if u.PasswordLevel != 0 {
		d.PasswordSecurityLevel = &u.PasswordLevel
	}
}

// text is s, or nil where there is no text: the wire shows that as null.
func text(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}

// rawOr is JSON as it was kept, or otherwise where nothing was. What is no JSON, which only an import can have brought, is shown as text.
func rawOr(kept, otherwise string) jsontext.Value {
	switch v := jsontext.Value(kept); {
	case kept == "":
		return jsontext.Value(otherwise)
	case v.IsValid():
		return v
	}
	v, err := jsontext.AppendQuote(nil, kept)
	if err != nil {
		return jsontext.Value(otherwise)
	}
	return v
}

// moment is a time in unix milliseconds, shown as ISO 8601 in UTC: 2022-07-03T03:20:30.000Z. Zero, "not set", is null.
type moment int64

// MarshalJSONTo implements json.MarshalerTo.
func (m moment) MarshalJSONTo(e *jsontext.Encoder) error {
	if m == 0 {
		return e.WriteToken(jsontext.Null)
	}
	b := append(e.AvailableBuffer(), '"')
	b = m.append(b)
	return e.WriteValue(append(b, '"'))
}

// AppendJSON implements op.Appender.
func (m moment) AppendJSON(b []byte) []byte {
	if m == 0 {
		return append(b, "null"...)
	}
	return append(m.append(append(b, '"')), '"')
}

func (m moment) append(b []byte) []byte {
	return time.UnixMilli(int64(m)).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// String is the time as the wire shows it, "" for zero: for answers that have no null there.
func (m moment) String() string {
	if m == 0 {
		return ""
	}
	return string(m.append(nil))
}

// customData is the values of a target's custom fields, shown as an object of keys. It is left out when nil.
type customData []directory.Value

// customDataOf is values, which may be nil, as they show when asked for.
func customDataOf(values []directory.Value) customData {
	if values == nil {
		return customData{}
	}
	return values
}

// MarshalJSONTo implements json.MarshalerTo.
func (c customData) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, v := range c {
		if err := e.WriteToken(jsontext.String(v.Key)); err != nil {
			return err
		}
		if err := e.WriteValue(v.JSON); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// flatten is the values as an object to be merged into one that has members of the names taken: those stay as they are.
func flatten(values []directory.Value, taken []string) jsontext.Value {
	b := []byte{'{'}
	for _, v := range values {
		if slices.Contains(taken, v.Key) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		quoted, err := jsontext.AppendQuote(nil, v.Key)
		if err != nil {
			continue // a key that is no text names no member
		}
		b = append(append(append(b, quoted...), ':'), v.JSON...)
	}
	return append(b, '}')
}
