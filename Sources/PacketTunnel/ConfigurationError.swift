/// A setting that cannot be: its name, its value, and what it may be.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The setting, as configuration files spell it.
    public let setting: String
    /// What it was set to.
    public let value: String
    /// What is wrong, or what it has to be.
    public let reason: String

    /// Names one contradiction.
    public init(setting: String, value: String, reason: String) {
        self.setting = setting
        self.value = value
        self.reason = reason
    }

    /// For example `MTU 100: has to be from 1280 to 65535`.
    public var description: String { "\(setting) \(value): \(reason)" }
}
