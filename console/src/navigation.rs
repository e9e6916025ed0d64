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
    Link { path: "/account", text: "nav-account", role: Role::Viewer },
];
