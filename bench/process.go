package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a child that listens on loopback.
type process struct {
	address    string
	startUp    time.Duration // until it was ready
	postmaster int           // the first process of its PostgreSQL, 0 for none or one that we have not started
	command    *exec.Cmd
}

// start runs a program and waits until it answers 200 at the path ready. Its log goes into dir, or nowhere.
func start(dir, name string, args func(address string) []string, ready string) (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	command := exec.Command(name, args(address)...)
	command.Env = append(os.Environ(), "GUILDHALL_MASTER_KEY="+masterKey)
	if dir != "" {
		logs, err := os.Create(filepath.Join(dir, "server.log"))
		if err != nil {
			return nil, err
		}
		defer logs.Close()
		command.Stdout, command.Stderr = logs, logs
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &process{address: address, command: command}
	for time.Since(began) < time.Minute {
		if resp, err := http.Get("http://" + address + ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.startUp = time.Since(began)
				return s, nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("%s is not ready after a minute", name)
}

// stop asks the process to end, and ends it when it does not: who was started in a shell's background does not hear an interrupt.
func (s *process) stop() {
	_ = s.command.Process.Signal(os.Interrupt)
	late := time.AfterFunc(20*time.Second, func() { _ = s.command.Process.Kill() })
	_ = s.command.Wait()
	late.Stop()
}

// memory is the resident memory of the process in bytes, 0 where the system does not tell.
func (s *process) memory() int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// cpu is the processor time that the process has used, 0 where the system does not tell.
func (s *process) cpu() time.Duration {
	_, own, _ := stat(strconv.Itoa(s.command.Process.Pid))
	return own
}

// databaseCPU is the processor time that PostgreSQL has used, with what works in its background.
func (s *process) databaseCPU() time.Duration {
	if s.postmaster == 0 {
		return 0
	}
	_, own, ended := stat(strconv.Itoa(s.postmaster))
	sum := own + ended
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if parent, own, _ := stat(e.Name()); parent == s.postmaster {
			sum += own
		}
	}
	return sum
}

// stat reads of a process its parent, its processor time and that of its children that have ended (proc_pid_stat(5)).
func stat(pid string) (parent int, own, ended time.Duration) {
	b, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, after, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(after)
	if len(f) < 15 {
		return 0, 0, 0
	}
	ticks := func(i int) time.Duration { // of 1/100 s
		n, _ := strconv.ParseInt(f[i], 10, 64)
		return time.Duration(n) * 10 * time.Millisecond
	}
	parent, _ = strconv.Atoi(f[1])
	return parent, ticks(11) + ticks(12), ticks(13) + ticks(14)
}
