//! Wallets of crypto-assets: `asset:address`. Where a form carries a checksum, it must be right; where case has no
//! meaning, it is lowered; where case is content, it is kept.

use bech32::primitives::decode::{CheckedHrpstring, SegwitHrpstring};
use bech32::{Bech32, Bech32m};
use sha3::{Digest, Keccak256};

use zeroize::Zeroizing;

use crate::domain::identifier::fold::{to_ascii, trimmed};
use crate::domain::identifier::rule::IdentifierRule;

const ASSET_BYTES: std::ops::RangeInclusive<usize> = 2..=16;

/// Base58 with checksum: the longest forms have 35 characters; decoding is quadratic, so longer ones are not tried.
const BASE58_CHARACTERS: usize = 64;

/// Addresses without a form known here; unified addresses of Zcash have up to a few hundred characters.
const OPAQUE_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=512;

/// `asset:address`.
pub(super) fn wallet(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    if !text.is_ascii() {
        return wallet_of_ascii(&to_ascii(text).ok_or(IdentifierRule::Characters)?);
    }
    wallet_of_ascii(text)
}

fn wallet_of_ascii(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let (asset, address) = text.split_once(':').ok_or(IdentifierRule::Parts)?;
    let asset = asset.trim().to_ascii_lowercase();
    if !ASSET_BYTES.contains(&asset.len()) || !asset.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(IdentifierRule::Scheme);
    }
    let asset = match asset.as_str() {
        // ISO 4217 has no code for bitcoin; some lists use X-codes.
        "xbt" => "btc",
        other => other,
    };
    let address = canonical_address(asset, address.trim())?;
    Ok(Zeroizing::new(format!("{asset}:{}", *address)))
}

fn canonical_address(asset: &str, address: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(IdentifierRule::Characters);
    }
    match asset {
        "btc" => segwit_or_base58(address, "bc"),
        "ltc" => segwit_or_base58(address, "ltc"),
        "btg" => segwit_or_base58(address, "btg"),
        "bch" => cash_or_base58(address),
        "bsv" | "dash" | "doge" | "trx" | "xvg" => base58_checked(address, bs58::Alphabet::BITCOIN),
        "xrp" => base58_checked(address, bs58::Alphabet::RIPPLE),
        "zec" => zcash(address),
        "sol" => solana(address),
        "eth" | "etc" => evm(address),
        "usdt" | "usdc" => {
            if has_hex_prefix(address) {
                evm(address)
            } else {
                base58_checked(address, bs58::Alphabet::BITCOIN).or_else(|refused| solana(address).map_err(|_| refused))
            }
        }
        _ if is_evm(address) => evm(address),
        _ => opaque(address),
    }
}

fn has_hex_prefix(address: &str) -> bool {
    address.starts_with("0x") || address.starts_with("0X")
}

fn is_evm(address: &str) -> bool {
    let digits = address.get(2..).unwrap_or_default();
    has_hex_prefix(address) && digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `0x` and 40 hexadecimal digits. Mixed case is a checksum (EIP-55) and must be right; one case carries none.
fn evm(address: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    if !is_evm(address) {
        return Err(IdentifierRule::WalletForm);
    }
    let lower = Zeroizing::new(address.to_ascii_lowercase());
    let (given, digits) = (address.bytes().skip(2), lower.get(2..).unwrap_or_default());
    let mixed =
        given.clone().any(|byte| byte.is_ascii_uppercase()) && given.clone().any(|byte| byte.is_ascii_lowercase());
    if mixed {
        let hash = Keccak256::digest(digits.as_bytes());
        let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let right = given
            .zip(nibbles)
            .all(|(byte, nibble)| !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() == (nibble > 7));
        if !right {
            return Err(IdentifierRule::WalletChecksum);
        }
    }
    Ok(lower)
}

/// BIP 173 and 350 where the address begins with the asset's prefix, otherwise base58.
fn segwit_or_base58(address: &str, prefix: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let lower = Zeroizing::new(address.to_ascii_lowercase());
    if !lower.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('1')) {
        return base58_checked(address, bs58::Alphabet::BITCOIN);
    }
    SegwitHrpstring::new(address).map_err(|_| IdentifierRule::WalletChecksum)?;
    Ok(lower)
}

/// Version byte or two, 20 bytes, four bytes of checksum.
fn base58_checked(address: &str, alphabet: &bs58::Alphabet) -> Result<Zeroizing<String>, IdentifierRule> {
    if address.len() > BASE58_CHARACTERS {
        return Err(IdentifierRule::WalletForm);
    }
    let decoded = bs58::decode(address).with_alphabet(alphabet).with_check(None).into_vec();
    match decoded {
        Ok(payload) if matches!(payload.len(), 21 | 22) => Ok(Zeroizing::new(address.to_owned())),
        Ok(_) => Err(IdentifierRule::WalletForm),
        Err(_) => Err(IdentifierRule::WalletChecksum),
    }
}

/// CashAddr (with or without its prefix) or the old base58 form.
fn cash_or_base58(address: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    const PREFIX: &str = "bitcoincash";
    let lower = Zeroizing::new(address.to_ascii_lowercase());
    let bare = lower.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(':')).unwrap_or(&lower);
    if !bare.starts_with(['q', 'p']) || bare.len() < 42 {
        return base58_checked(address, bs58::Alphabet::BITCOIN);
    }
    let one_case = address == *lower || address == address.to_ascii_uppercase();
    if !one_case || !cash_checksum_valid(PREFIX, bare) {
        return Err(IdentifierRule::WalletChecksum);
    }
    Ok(Zeroizing::new(bare.to_owned()))
}

/// The 40-bit BCH code of the CashAddr specification over prefix, separator and payload.
fn cash_checksum_valid(prefix: &str, payload: &str) -> bool {
    const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATORS: [u64; 5] = [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
    let prefix_values = prefix.bytes().map(|byte| u64::from(byte & 31)).chain([0]);
    let payload_values =
        payload.bytes().map(|byte| CHARSET.iter().zip(0u64..).find(|(c, _)| **c == byte).map(|(_, value)| value));
    let mut checksum = 1u64;
    for value in prefix_values.map(Some).chain(payload_values) {
        let Some(value) = value else {
            return false;
        };
        let top = checksum >> 35;
        checksum = ((checksum & 0x07_ffff_ffff) << 5) ^ value;
        for (bit, generator) in GENERATORS.iter().enumerate() {
            if (top >> bit) & 1 == 1 {
                checksum ^= generator;
            }
        }
    }
    checksum == 1
}

/// Transparent (base58), Sapling (bech32) and unified (bech32m) addresses.
fn zcash(address: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let lower = Zeroizing::new(address.to_ascii_lowercase());
    let checked = if lower.starts_with("zs1") {
        CheckedHrpstring::new::<Bech32>(address).is_ok()
    } else if lower.starts_with("u1") {
        CheckedHrpstring::new::<Bech32m>(address).is_ok()
    } else {
        return base58_checked(address, bs58::Alphabet::BITCOIN);
    };
    checked.then_some(lower).ok_or(IdentifierRule::WalletChecksum)
}

/// 32 bytes in base58; the form has no checksum.
fn solana(address: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let decoded = if address.len() <= BASE58_CHARACTERS { bs58::decode(address).into_vec().ok() } else { None };
    decoded.filter(|key| key.len() == 32).map(|_| Zeroizing::new(address.to_owned())).ok_or(IdentifierRule::WalletForm)
}

/// A form not known here: kept as it is, only hexadecimal with `0x` is lowered.
fn opaque(address: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    if !OPAQUE_CHARACTERS.contains(&address.len()) {
        return Err(IdentifierRule::Length);
    }
    let hexadecimal = has_hex_prefix(address) && address.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit());
    Ok(Zeroizing::new(if hexadecimal { address.to_ascii_lowercase() } else { address.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, IdentifierRule>) {
        assert_eq!(wallet(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
    }

    #[test]
    fn an_evm_address_is_lowered_and_mixed_case_must_check() {
        check("ETH:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Ok("eth:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"));
        check("usdt:0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", Ok("usdt:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"));
        check("arb:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Ok("arb:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"));
        check("eth:0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Err(IdentifierRule::WalletChecksum));
        check("eth:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", Err(IdentifierRule::WalletForm));
        check("btc:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Err(IdentifierRule::WalletChecksum));
    }

    #[test]
    fn bitcoin_is_bech32_in_lower_case_or_base58_as_it_is() {
        check("BTC:BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", Ok("btc:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        check("xbt:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Ok("btc:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        check("btc:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", Err(IdentifierRule::WalletChecksum));
        check("btc:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", Err(IdentifierRule::WalletChecksum));
        check("btc:bc1QW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", Err(IdentifierRule::WalletChecksum));
        check(&format!("btc:{}", "1".repeat(65)), Err(IdentifierRule::WalletForm));
    }

    #[test]
    fn bitcoin_cash_is_known_in_both_its_forms() {
        let cash = "bch:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a";
        check("bch:bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", Ok(cash));
        check(cash, Ok(cash));
        check("BCH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A", Ok(cash));
        check("bch:1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", Ok("bch:1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"));
        check("bch:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6q", Err(IdentifierRule::WalletChecksum));
        check("bch:Qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", Err(IdentifierRule::WalletChecksum));
    }

    #[test]
    fn other_assets_check_what_they_carry_and_the_rest_is_opaque() {
        check("xrp:rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", Ok("xrp:rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"));
        check("xrp:rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi", Err(IdentifierRule::WalletChecksum));
        check("sol:So11111111111111111111111111111111111111112", Ok("sol:So11111111111111111111111111111111111111112"));
        check("sol:So1111", Err(IdentifierRule::WalletForm));
        check("apt:0xAB12ab12ab12ab12ab12", Ok("apt:0xab12ab12ab12ab12ab12"));
        check("ada:addr1Short", Err(IdentifierRule::Length));
        check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Err(IdentifierRule::Parts));
        check("b_c:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Err(IdentifierRule::Scheme));
        check("btc:", Err(IdentifierRule::Characters));
        check("btc:bücher", Err(IdentifierRule::Characters));
        check("", Err(IdentifierRule::Empty));
    }
}
