//! The links at the top of each page.

use ostiary_control::Role;

/// A link: its path, the identifier of its text, and the least role of who sees it.
pub struct Link {
    /// The path.
    pub path: &'static str,
    /// The identifier of the text.
    pub text: &'static str,
    /// The least role.
    pub role: Role,
}

/// All links, in their order.
pub const LINKS: &[Link] = &[
    Link { path: "/door", text: "nav-door", role: Role::Viewer },
    Link { path: "/live", text: "nav-live", role: Role::Viewer },
    Link { path: "/people", text: "nav-people", role: Role::Viewer },
    Link { path: "/events", text: "nav-events", role: Role::Viewer },
    Link { path: "/report", text: "nav-report", role: Role::Viewer },
    Link { path: "/health", text: "nav-health", role: Role::Admin },
    Link { path: "/settings", text: "settings-title", role: Role::Admin },
    Link { path: "/models", text: "models-title", role: Role::Viewer },
    Link { path: "/setup", text: "setup-title", role: Role::Admin },
    Link { path: "/account", text: "nav-account", role: Role::Viewer },
];
