//! Users of a service.

use super::{Link, List, Maybe, Whole};

resource! {
    /// `AccountService`.
    AccountService {
        accounts: Maybe<Link>,
        roles: Maybe<Link>,
        #[serde(rename = "AccountLockoutThreshold")]
        lockout_threshold: Maybe<Whole>,
        #[serde(rename = "AccountLockoutDuration")]
        lockout_duration: Maybe<Whole>,
    }
}

resource! {
    /// A user (`ManagerAccount`).
    ManagerAccount {
        user_name: Maybe<String>,
        role_id: Maybe<String>,
        enabled: Maybe<bool>,
        links: Maybe<AccountLinks>,
    }
}

resource! {
    AccountLinks { role: Maybe<Link>, }
}

resource! {
    /// What users of a role may do.
    Role { assigned_privileges: List<String>, }
}
