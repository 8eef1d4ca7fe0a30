//! From a sensor's raw byte to its number (§36.3).

/// How a sensor's byte becomes a number: `L((M·x + B·10^Bexp) · 10^Rexp)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    format: Format,
    m: i16,
    b: i16,
    b_exponent: i8,
    r_exponent: i8,
    linearization: u8,
}

/// How the raw byte counts (Table 43-1, byte 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Unsigned,
    OnesComplement,
    TwosComplement,
}

/// From here on the factors differ from reading to reading (§43.1, byte 24).
const NON_LINEAR: u8 = 0x70;

impl Conversion {
    /// Reads linearization and factors, which stand in seven bytes (Table 43-1, bytes 24 to 30).
    pub(super) fn parse(format: u8, bytes: &[u8]) -> Option<Self> {
        let (&linearization, factors) = bytes.split_first()?;
        let format = match format {
            0 | 3 => Format::Unsigned,
            1 => Format::OnesComplement,
            _ => Format::TwosComplement,
        };
        let blank = Self { format, m: 0, b: 0, b_exponent: 0, r_exponent: 0, linearization: linearization & 0x7F };
        blank.with_factors(factors)
    }

    /// The same with other factors: six bytes, as Get Sensor Reading Factors gives them too (§35.5).
    pub(super) fn with_factors(self, factors: &[u8]) -> Option<Self> {
        let [m_low, m_high, b_low, b_high, _, exponents, ..] = *factors else { return None };
        Some(Self {
            m: signed(u16::from(m_low) | u16::from(m_high & 0xC0) << 2, 10),
            b: signed(u16::from(b_low) | u16::from(b_high & 0xC0) << 2, 10),
            r_exponent: signed(u16::from(exponents >> 4), 4) as i8,
            b_exponent: signed(u16::from(exponents & 0x0F), 4) as i8,
            ..self
        })
    }

    /// Whether the factors must be asked for with each reading.
    pub(super) fn is_non_linear(&self) -> bool {
        self.linearization >= NON_LINEAR
    }

    /// The number that a raw reading stands for; `None` where it stands for none.
    pub fn value(&self, raw: u8) -> Option<f64> {
        let x = match self.format {
            Format::Unsigned => f64::from(raw),
            // In one's complement a negative number is one larger than in two's; FFh is minus zero.
            Format::OnesComplement if raw & 0x80 != 0 => f64::from(raw.cast_signed()) + 1.0,
            Format::OnesComplement | Format::TwosComplement => f64::from(raw.cast_signed()),
        };
        let power = |exponent: i8| 10f64.powi(i32::from(exponent));
        let y = (f64::from(self.m) * x + f64::from(self.b) * power(self.b_exponent)) * power(self.r_exponent);
        let value = match self.linearization {
            1 => y.ln(),
            2 => y.log10(),
            3 => y.log2(),
            4 => y.exp(),
            5 => 10f64.powf(y),
            6 => y.exp2(),
            7 => y.recip(),
            8 => y.powi(2),
            9 => y.powi(3),
            10 => y.sqrt(),
            11 => y.cbrt(),
            _ => y,
        };
        value.is_finite().then_some(value)
    }
}

/// The lowest `bits` as a number in two's complement.
fn signed(value: u16, bits: u32) -> i16 {
    let shift = u16::BITS - bits;
    (value << shift).cast_signed() >> shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(format: u8, linearization: u8, m: i16, b: i16, exponents: u8) -> Conversion {
        let high = |value: i16| (value.cast_unsigned() >> 2) as u8 & 0xC0;
        let bytes = [linearization, m as u8, high(m), b as u8, high(b), 0, exponents];
        Conversion::parse(format, &bytes).expect("seven bytes")
    }

    #[test]
    fn the_raw_byte_counts_as_its_format_says() {
        for (format, raw, value) in
            [(0, 0xFF, 255.0), (1, 0xFE, -1.0), (1, 0xFF, 0.0), (2, 0xFF, -1.0), (2, 0x7F, 127.0)]
        {
            assert_eq!(of(format, 0, 1, 0, 0).value(raw), Some(value), "{raw:#x} in format {format}");
        }
    }

    #[test]
    fn a_number_that_does_not_exist_is_not_told() {
        assert_eq!(of(0, 7, 1, 0, 0).value(0), None, "one divided by zero");
        assert_eq!(of(0, 2, 1, 0, 0).value(100), Some(2.0));
    }

    proptest! {
        #[test]
        fn factors_of_ten_bits_keep_their_sign(m in -512i16..512, b in -512i16..512, raw: u8) {
            prop_assert_eq!(of(0, 0, m, b, 0).value(raw), Some(f64::from(m) * f64::from(raw) + f64::from(b)));
        }
    }
}
