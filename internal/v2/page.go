package v2

import (
	"context"
	"strconv"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// commonMessage is the type CommonMessage: what answers a change that has nothing to show.
type commonMessage struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// done answers a change in the caller's language.
func done(ctx context.Context) *commonMessage {
	if english(caller.From(ctx)) {
		return &commonMessage{200, "Done"}
	}
	return &commonMessage{200, "操作成功"}
}

// page is one page of a list; TotalCount counts the whole list.
type page[T any] struct {
	TotalCount int64 `json:"totalCount"`
	List       []T   `json:"list"`
}

// paging is the page that a list is asked for.
type paging struct {
	Page  *int64 `json:"page"`
	Limit *int64 `json:"limit"`
}

const (
	defaultLimit = 10
	mostLimit    = 100
)

// window is the page in the directory's terms: the first of ten where nothing is given, and never more than a hundred.
func (p paging) window() (directory.Page, error) {
	return window(p.Page, p.Limit, mostLimit)
}

func window(page, limit *int64, most int64) (directory.Page, error) {
	w := directory.Page{Page: 1, Limit: defaultLimit}
	if page != nil {
		if *page < 1 || *page > 1<<31 {
			return w, fault.Field("page")
		}
		w.Page = int(*page)
	}
	if limit != nil {
		if *limit < 1 {
			return w, fault.Field("limit")
		}
		if *limit > most {
			return w, fault.New(fault.Invalid, "field_max", "limit", strconv.FormatInt(most, 10))
		}
		w.Limit = int(*limit)
	}
	return w, nil
}

// sorting is the argument sortBy, for users. Newest first is the directory's own order.
type sorting struct {
	SortBy string `json:"sortBy"`
}

func (s sorting) keys() []directory.Sort {
	switch s.SortBy {
	case "CREATEDAT_ASC":
		return []directory.Sort{{Field: "createdAt"}}
	case "UPDATEDAT_ASC":
		return []directory.Sort{{Field: "updatedAt"}}
	case "UPDATEDAT_DESC":
		return []directory.Sort{{Field: "updatedAt", Descending: true}}
	}
	return nil
}

// newestFirst refuses every order but the one that lists of groups and roles have.
func (s sorting) newestFirst() error {
	if s.SortBy != "" && s.SortBy != "CREATEDAT_DESC" {
		return fault.Field("sortBy")
	}
	return nil
}
