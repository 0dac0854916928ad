package directory

import (
	"context"
	"slices"
	"strings"
)

// BaseFieldsPage returns a page of the built-in fields of users that match, in the order of BaseFields, and how many there are.
// Targets of other types than users have none.
func (d *Directory) BaseFieldsPage(ctx context.Context, poolID string, f FieldFilter, p Page) ([]Field, int64, error) {
	if f.DataType != "" {
		var err error
		if f.DataType, err = f.DataType.normal(); err != nil {
			return nil, 0, err
		}
	}
	if err := clean("keyword", f.Keyword, MaxName); err != nil {
		return nil, 0, err
	}
	fields, err := d.BaseFields(ctx, poolID)
	if err != nil {
		return nil, 0, err
	}
	fields = slices.DeleteFunc(fields, func(b Field) bool { return !f.takes(&b) })
	limit, offset := p.window()
	from := min(offset, len(fields))
	return fields[from:min(from+limit, len(fields))], int64(len(fields)), nil
}

// takes reports whether a field matches.
func (f *FieldFilter) takes(b *Field) bool {
	keyword := lowerASCII(f.Keyword)
	return (f.TargetType == "" || f.TargetType == b.TargetType) &&
		(f.DataType == "" || f.DataType == b.DataType) &&
		(strings.Contains(lowerASCII(b.Key), keyword) || strings.Contains(lowerASCII(b.Label), keyword)) &&
		(f.UserVisible == nil || *f.UserVisible == b.UserVisible) &&
		(f.AdminVisible == nil || *f.AdminVisible == b.AdminVisible)
}
