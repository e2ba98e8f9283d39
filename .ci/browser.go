package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// phone is the width of a small telephone's screen in CSS pixels.
const phone = 390

// browse lets Chromium run the page, counts the charts that its scripts drew, and looks at it on a phone.
func browse(page string) error {
	dom, err := chromium(page)
	if err != nil {
		return err
	}
	charts := regexp.MustCompile(`<svg[^>]*role="img"[^>]*>.*?</svg>`).FindAllString(dom, -1)
	lines := 0
	for _, c := range charts {
		lines += strings.Count(c, "<path")
	}
	if len(charts) < 4 || lines < 16 {
		return fmt.Errorf("the page drew %d charts with %d lines, want at least 4 with 16", len(charts), lines)
	}
	wide, err := width(page, phone)
	if err != nil {
		return err
	}
	if wide > phone {
		return fmt.Errorf("on a screen of %d pixels the page is %d wide and scrolls sideways", phone, wide)
	}
	fmt.Printf("browser: %d charts with %d lines; %d pixels wide on a screen of %d\n", len(charts), lines, wide, phone)
	return nil
}

// measurer is a page that shows a copy of another in a frame of a screen's width. The copy tells how wide it became.
const (
	measurer = `<!doctype html><body><iframe src="%s" style="width:%dpx;height:800px;border:0"></iframe>
<script>addEventListener("message", e => { document.body.dataset.width = e.data })</script>`
	teller = `<script>addEventListener("load", () => setTimeout(() => parent.postMessage(document.documentElement.scrollWidth, "*"), 1000))</script>`
)

// width answers how wide a page lays itself out on a screen.
func width(page string, screen int) (int, error) {
	html, err := os.ReadFile(page)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "checkreport")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	frame := filepath.Join(dir, "frame.html")
	if err := os.WriteFile(filepath.Join(dir, "page.html"), append(html, teller...), 0o644); err != nil {
		return 0, err
	}
	if err := os.WriteFile(frame, fmt.Appendf(nil, measurer, "page.html", screen), 0o644); err != nil {
		return 0, err
	}
	dom, err := chromium(frame)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`data-width="(\d+)"`).FindStringSubmatch(dom)
	if m == nil {
		return 0, fmt.Errorf("the page did not tell its width on a screen of %d pixels", screen)
	}
	return strconv.Atoi(m[1])
}

// chromium answers a page's document after its scripts have run.
func chromium(page string) (string, error) {
	abs, err := filepath.Abs(page)
	if err != nil {
		return "", err
	}
	profile, err := os.MkdirTemp("", "checkreport")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(profile)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	address := url.URL{Scheme: "file", Path: abs}
	dom, err := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+profile,
		"--virtual-time-budget=4000", "--window-size=1280,1000", "--dump-dom", address.String()).Output()
	if err != nil {
		return "", fmt.Errorf("chromium: %w", err)
	}
	return string(dom), nil
}
