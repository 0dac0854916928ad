package v2

import (
	"context"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/gql"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// user is a person as the wire shows them, on REST and as the type User of the schema, whose other fields have resolvers. What
// is not set is null.
type user struct {
	ID                 string        `json:"id"`
	ARN                string        `json:"arn"`
	Status             string        `json:"status"`
	UserPoolID         string        `json:"userPoolId"`
	Username           *string       `json:"username"`
	Email              *string       `json:"email"`
	EmailVerified      bool          `json:"emailVerified"`
	Phone              *string       `json:"phone"`
	PhoneVerified      bool          `json:"phoneVerified"`
	PhoneCountryCode   *string       `json:"phoneCountryCode"`
	UnionID            *string       `json:"unionid"`
	OpenID             *string       `json:"openid"`
	ExternalID         *string       `json:"externalId"`
	Identities         []identity    `json:"identities"` // nil: not asked for
	Nickname           *string       `json:"nickname"`
	RegisterSource     []string      `json:"registerSource"`
	Photo              *string       `json:"photo"`
	Password           *string       `json:"password"` // always null: the hash is for nobody who may call this
	OAuth              *string       `json:"oauth"`
	Token              *string       `json:"token"` // null but where a call makes one
	TokenExpiredAt     *string       `json:"tokenExpiredAt"`
	LoginsCount        int64         `json:"loginsCount"`
	LastLogin          *string       `json:"lastLogin"`
	LastIP             *string       `json:"lastIP"`
	SignedUp           *string       `json:"signedUp"`
	Blocked            bool          `json:"blocked"`
	IsDeleted          bool          `json:"isDeleted"`
	Device             *string       `json:"device"`
	Browser            *string       `json:"browser"`
	Company            *string       `json:"company"`
	Name               *string       `json:"name"`
	GivenName          *string       `json:"givenName"`
	FamilyName         *string       `json:"familyName"`
	MiddleName         *string       `json:"middleName"`
	Profile            *string       `json:"profile"`
	PreferredUsername  *string       `json:"preferredUsername"`
	Website            *string       `json:"website"`
	Gender             *string       `json:"gender"`
	Birthdate          *string       `json:"birthdate"`
	Zoneinfo           *string       `json:"zoneinfo"`
	Locale             *string       `json:"locale"`
	Address            *string       `json:"address"`
	Formatted          *string       `json:"formatted"`
	StreetAddress      *string       `json:"streetAddress"`
	Locality           *string       `json:"locality"`
	Region             *string       `json:"region"`
	PostalCode         *string       `json:"postalCode"`
	City               *string       `json:"city"`
	Province           *string       `json:"province"`
	Country            *string       `json:"country"`
	CreatedAt          *string       `json:"createdAt"`
	UpdatedAt          *string       `json:"updatedAt"`
	MainDepartmentID   *string       `json:"mainDepartmentId"`
	MainDepartmentCode *string       `json:"mainDepartmentCode"`
	NewlyCreated       *bool         `json:"newlyCreated"`
	ExpiredAt          *string       `json:"expiredAt"`
	DirectManagement   *string       `json:"directManagement"`
	CustomData         []customValue `json:"customData"` // nil: not asked for
}

// identity is a user's account at an outside source, the type Identity.
type identity struct {
	OpenID        *string `json:"openid"`
	UserIDInIDP   string  `json:"userIdInIdp"`
	UserInfoInIDP *string `json:"userInfoInIdp"`
	UserID        string  `json:"userId"`
	ConnectionID  *string `json:"connectionId"`
	IsSocial      bool    `json:"isSocial"`
	Provider      *string `json:"provider"`
	UserPoolID    string  `json:"userPoolId"`
	RefreshToken  *string `json:"refreshToken"`
	AccessToken   *string `json:"accessToken"`
	Type          *string `json:"type"`
	ExtIDPID      *string `json:"extIdpId"`
}

// detail says what is shown of users beside their own fields. Each costs one query for all users together.
type detail struct{ customData, identities bool }

// selected is the detail that a document asks of the users that path leads to, below the field being resolved.
func selected(ctx context.Context, path ...string) detail {
	return detail{
		customData: gql.Selects(ctx, append(path, "customData")...),
		identities: gql.Selects(ctx, append(path, "identities")...),
	}
}

// show makes the view of users. They must stay unchanged as long as the view is used: it points into them.
func (a *API) show(ctx context.Context, poolID string, users []directory.User, d detail) ([]user, error) {
	views := make([]user, len(users))
	for i := range users {
		views[i] = a.view(&users[i])
	}
	if len(users) == 0 || !d.customData && !d.identities {
		return views, nil
	}
	ids := make([]string, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	if d.customData {
		values, err := a.customData(ctx, poolID, directory.UserTarget, ids)
		if err != nil {
			return nil, err
		}
		for i := range views {
			views[i].CustomData = values[views[i].ID]
			if views[i].CustomData == nil {
				views[i].CustomData = []customValue{}
			}
		}
	}
	if d.identities {
		identities, err := a.dir.Identities(ctx, poolID, ids)
		if err != nil {
			return nil, err
		}
		for i := range views {
			views[i].Identities = viewIdentities(identities[views[i].ID])
		}
	}
	return views, nil
}

// showOne is show for one user.
func (a *API) showOne(ctx context.Context, u *directory.User, d detail) (*user, error) {
	views, err := a.show(ctx, u.PoolID, []directory.User{*u}, d)
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// showPage is show for a page.
func (a *API) showPage(ctx context.Context, poolID string, users []directory.User, total int64, d detail) (*page[user], error) {
	views, err := a.show(ctx, poolID, users, d)
	if err != nil {
		return nil, err
	}
	return &page[user]{total, views}, nil
}

func (a *API) view(u *directory.User) user {
	v := user{
		ID: u.ID, ARN: signin.ARN(u.PoolID, u.ID), Status: string(u.Status), UserPoolID: u.PoolID,
		Username: text(&u.Username), Email: text(&u.Email), EmailVerified: u.EmailVerified,
		Phone: text(&u.Phone), PhoneVerified: u.PhoneVerified, PhoneCountryCode: text(&u.PhoneCountryCode),
		UnionID: text(&u.UnionID), OpenID: text(&u.OpenID), ExternalID: text(&u.ExternalID),
		Nickname: text(&u.Nickname), RegisterSource: u.RegisterSource, Photo: text(&u.Photo), OAuth: text(&u.OAuth),
		TokenExpiredAt: timeText(u.TokenExpiredAt), LoginsCount: u.LoginsCount, LastLogin: timeText(u.LastLoginAt),
		LastIP: text(&u.LastLoginIP), SignedUp: timeText(u.SignedUpAt), Blocked: u.Blocked(), IsDeleted: u.IsDeleted,
		Device: text(&u.Device), Browser: text(&u.Browser), Company: text(&u.Company),
		Name: text(&u.Name), GivenName: text(&u.GivenName), FamilyName: text(&u.FamilyName), MiddleName: text(&u.MiddleName),
		Profile: text(&u.Profile), PreferredUsername: text(&u.PreferredUsername), Website: text(&u.Website),
		Gender: text(&u.Gender), Birthdate: text(&u.Birthdate), Zoneinfo: text(&u.Zoneinfo), Locale: text(&u.Locale),
		Address: text(&u.Address), Formatted: text(&u.Formatted), StreetAddress: text(&u.StreetAddress),
		Locality: text(&u.Locality), Region: text(&u.Region), PostalCode: text(&u.PostalCode),
		City: text(&u.City), Province: text(&u.Province), Country: text(&u.Country),
		CreatedAt: timeText(u.CreatedAt), UpdatedAt: timeText(u.UpdatedAt),
		MainDepartmentID: text(&u.MainDepartmentID), MainDepartmentCode: text(&u.MainDepartmentCode),
		ExpiredAt: timeText(u.ExpiredAt), DirectManagement: text(&u.DirectManagement),
	}
	if u.Status == directory.Deactivated {
		v.Status = string(directory.Suspended) // this wire has one word for both
	}
	if v.Photo == nil {
		v.Photo = text(&a.photo)
	}
	return v
}

func viewIdentities(list []directory.Identity) []identity {
	views := make([]identity, len(list))
	for n := range list {
		i := &list[n]
		views[n] = identity{
			OpenID: text(&i.OpenID), UserIDInIDP: i.UserIDInIDP, UserInfoInIDP: text(&i.UserInfo), UserID: i.UserID,
			ConnectionID: text(&i.ConnectionID), IsSocial: i.IsSocial, Provider: text(&i.Provider), UserPoolID: i.PoolID,
			RefreshToken: text(&i.RefreshToken), AccessToken: text(&i.AccessToken), Type: text(&i.Type), ExtIDPID: text(&i.ExtIDPID),
		}
	}
	return views
}

// text is nil for text that is not set.
func text(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}

// timeText is a time of the wire, ISO 8601 in UTC, or nil when it is not set.
func timeText(ms int64) *string {
	if ms == 0 {
		return nil
	}
	s := isoTime(ms)
	return &s
}

func isoTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
