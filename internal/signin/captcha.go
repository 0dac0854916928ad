package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	base64captcha "github.com/mojocn/base64Captcha"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// ticketCaptcha is a picture that somebody is to read.
const ticketCaptcha TicketKind = "captcha"

const (
	captchaLife   = 5 * time.Minute
	captchaLength = 4
	captchaWidth  = 160
	captchaHeight = 60
)

// NewCaptcha makes a picture of digits, as SVG text, and the token that goes with their answer. The answer can be given once, within five
// minutes, wherever a Captcha is taken in the pool. ErrFlood for who asks for more than people can read.
func (s *Signin) NewCaptcha(ctx context.Context, poolID string) (svg, token string, err error) {
	if !s.pictures.allow(caller.From(ctx).ClientIP, time.Now()) {
		return "", "", ErrFlood // drawing costs time, and each picture is a row
	}
	answer := make([]byte, captchaLength)
	if _, err := rand.Read(answer); err != nil {
		return "", "", err
	}
	for i := range answer {
		answer[i] = '0' + answer[i]%10
	}
	driver := base64captcha.NewDriverDigit(captchaHeight, captchaWidth, captchaLength, 0.7, 80)
	item, err := driver.DrawCaptcha(string(answer))
	if err != nil {
		return "", "", fmt.Errorf("signin: drawing a captcha: %w", err)
	}
	picture := item.EncodeB64string()
	if _, data, ok := strings.Cut(picture, ";base64,"); !ok {
		return "", "", errors.New("signin: the captcha is no picture")
	} else if _, err := base64.StdEncoding.DecodeString(data); err != nil {
		return "", "", err
	}
	token, err = s.IssueTicket(ctx, poolID, ticketCaptcha, captchaLife, TicketFor{}, string(answer))
	svg = fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"><image width="%d" height="%d" href="%s"/></svg>`,
		captchaWidth, captchaHeight, captchaWidth, captchaHeight, captchaWidth, captchaHeight, picture)
	return svg, token, err
}

// spendCaptcha takes an answer: once, right or wrong.
func (s *Signin) spendCaptcha(ctx context.Context, poolID string, c Captcha) error {
	var answer string
	t, err := s.SpendTicket(ctx, ticketCaptcha, c.Token, &answer)
	switch {
	case errors.Is(err, ErrTicketInvalid), errors.Is(err, ErrTicketUsed):
		return ErrCaptchaWrong
	case err != nil:
		return err
	case t.PoolID != poolID, !secret.Equal(answer, strings.TrimSpace(c.Code)):
		return ErrCaptchaWrong
	}
	return nil
}
