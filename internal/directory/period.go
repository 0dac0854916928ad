package directory

import "github.com/guildhall-id/guildhall/internal/fault"

// Period is when somebody has something, in unix ms: from Begin, nil for at once, until just before End, nil for always.
type Period struct{ Begin, End *int64 }

// Check refuses a period that at that time, in unix ms, is over or that has no length. The error is fault.Field of begin or end,
// which is what callers call the limit.
func (p Period) Check(now int64, begin, end string) error {
	if p.Begin != nil && *p.Begin < 0 {
		return fault.Field(begin)
	}
	if p.End != nil && (*p.End <= now || p.Begin != nil && *p.End <= *p.Begin) {
		return fault.Field(end)
	}
	return nil
}

// Term returns the period as it is kept.
func (p Period) Term() Term {
	var t Term
	if p.Begin != nil {
		t.EnableTime = *p.Begin
	}
	if p.End != nil {
		t.EndTime = *p.End
	}
	return t
}

// Record adds the limits that the period has to what an audit record tells.
func (p Period) Record(values map[string]any) {
	if p.Begin != nil {
		values["enable_time"] = *p.Begin
	}
	if p.End != nil {
		values["end_time"] = *p.End
	}
}

// Term is the period of a row: of a membership, of an assignment.
type Term struct {
	EnableTime int64 `db:"enable_time"` // unix ms; 0 = at once
	EndTime    int64 `db:"end_time"`    // unix ms; 0 = never
}

// InForceAt reports whether the row counts at that time, unix ms.
func (t Term) InForceAt(ms int64) bool {
	return t.EnableTime <= ms && (t.EndTime == 0 || ms < t.EndTime)
}

// InForce is InForceAt as a condition on a table that has the columns of a Term, known by that alias if one is given. It has
// two arguments, both the time.
func InForce(alias ...string) string {
	prefix := ""
	if len(alias) > 0 {
		prefix = alias[0] + "."
	}
	return prefix + "enable_time <= ? and (" + prefix + "end_time = 0 or " + prefix + "end_time > ?)"
}
