//! What is measured: sensors of their own, or the older lists of temperatures, fans and voltages.

use super::{Link, List, Maybe, Number, PowerSupply, Status};

resource! {
    /// `Sensor`.
    Sensor {
        id: Maybe<String>,
        name: Maybe<String>,
        reading: Maybe<Number>,
        reading_units: Maybe<String>,
        reading_type: Maybe<String>,
        status: Maybe<Status>,
    }
}

resource! {
    /// `Thermal`, the older form.
    Thermal { temperatures: List<Temperature>, fans: List<Fan>, }
}

resource! {
    Temperature {
        name: Maybe<String>,
        #[serde(rename = "ReadingCelsius")]
        celsius: Maybe<Number>,
        status: Maybe<Status>,
    }
}

resource! {
    Fan {
        name: Maybe<String>,
        /// Its name in version 1.0 of the schema.
        fan_name: Maybe<String>,
        reading: Maybe<Number>,
        #[serde(rename = "ReadingRPM")]
        rpm: Maybe<Number>,
        reading_units: Maybe<String>,
        status: Maybe<Status>,
    }
}

resource! {
    /// `Power`, the older form.
    Power {
        voltages: List<Voltage>,
        power_control: List<PowerControl>,
        power_supplies: List<PowerSupply>,
    }
}

resource! {
    Voltage {
        name: Maybe<String>,
        #[serde(rename = "ReadingVolts")]
        volts: Maybe<Number>,
        status: Maybe<Status>,
    }
}

resource! {
    PowerControl {
        name: Maybe<String>,
        #[serde(rename = "PowerConsumedWatts")]
        watts: Maybe<Number>,
        status: Maybe<Status>,
    }
}

resource! {
    /// `PowerSubsystem`, the newer form.
    PowerSubsystem { power_supplies: Maybe<Link>, }
}
