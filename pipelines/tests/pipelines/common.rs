//! What several tests need.

use gst_rtsp_server::prelude::*;
use std::path::PathBuf;
use std::sync::Once;

/// The folder of the launch files.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Starts GStreamer with the plugins of this build.
///
/// # Panics
///
/// When there are none: `./dev test` builds them and sets `GST_PLUGIN_PATH`.
pub(crate) fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        for element in ["alprdetect", "alprocr", "alprdedup", "alproverlay", "kafkasink"] {
            assert!(gst::ElementFactory::find(element).is_some(), "no element {element}: run the tests by ./dev test");
        }
    });
}

/// A camera on a loopback port: an RTSP server that sends `launch`.
pub(crate) struct Camera {
    port: u16,
    context: glib::MainContext,
    main_loop: glib::MainLoop,
    server: gst_rtsp_server::RTSPServer,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Camera {
    /// Starts it, on `port` or any free one.
    pub(crate) fn start(launch: &str, port: Option<u16>) -> Self {
        let context = glib::MainContext::new();
        let server = gst_rtsp_server::RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service(&port.unwrap_or(0).to_string());
        let factory = gst_rtsp_server::RTSPMediaFactory::new();
        factory.set_launch(launch);
        factory.set_shared(true);
        server.mount_points().unwrap().add_factory("/camera", factory);
        server.attach(Some(&context)).expect("the port is free");
        let port = u16::try_from(server.bound_port()).unwrap();
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let running = main_loop.clone();
        let thread = std::thread::spawn(move || running.run());
        Self { port, context, main_loop, server, thread: Some(thread) }
    }

    /// Its address.
    pub(crate) fn uri(&self) -> String {
        format!("rtsp://127.0.0.1:{}/camera", self.port)
    }

    /// Pulls the plug: connections end and the port is closed.
    pub(crate) fn away(mut self) -> u16 {
        self.end();
        self.port
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let server = self.server.clone();
        let main_loop = self.main_loop.clone();
        self.context.invoke(move || {
            server.client_filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Remove));
            main_loop.quit();
        });
        thread.join().unwrap();
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.end();
    }
}
