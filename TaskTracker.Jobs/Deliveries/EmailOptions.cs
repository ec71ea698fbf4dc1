using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Mail;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>The mail server. Without <see cref="Host"/> no e-mail is sent. Bound to the configuration section <c>Email</c>.</summary>
internal sealed class EmailOptions : IValidatableObject
{
    public const string SectionName = "Email";

    /// <summary>The mail server's name or address.</summary>
    public string? Host { get; set; }

    /// <summary>Its port: one where STARTTLS is spoken, not the older 465.</summary>
    public int Port { get; set; } = 587;

    /// <summary>Whether the connection must be encrypted (STARTTLS); unless said otherwise, always but on this machine itself.</summary>
    public bool? Tls { get; set; }

    /// <summary>Who logs in; null where the server asks nobody to.</summary>
    public string? User { get; set; }

    /// <summary>That user's password.</summary>
    public string? Password { get; set; }

    /// <summary>The sender, for example <c>TaskTracker &lt;tasks@example.org&gt;</c>.</summary>
    public string? From { get; set; }

    public bool IsOn => !string.IsNullOrWhiteSpace(Host);

    public bool UsesTls => Tls ?? !IsLoopback;

    private bool IsLoopback =>
        string.Equals(Host, "localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IsOn)
        {
            yield break;
        }

        if (Port is < 1 or > 65535 or 465)
        {
            yield return Problem(nameof(Port), $"is {Port}: give the port where the server speaks STARTTLS, usually 587 (465, encrypted from the first byte, is not supported)");
        }

        if (!MailAddress.TryCreate(From, out _))
        {
            yield return Problem(nameof(From), "must be the sender's address, such as 'TaskTracker <tasks@example.org>'");
        }

        if (string.IsNullOrEmpty(User) != string.IsNullOrEmpty(Password))
        {
            yield return Problem(nameof(User), $"and {SectionName}:{nameof(Password)} belong together: give both or neither");
        }

        if (!string.IsNullOrEmpty(Password) && !UsesTls && !IsLoopback)
        {
            yield return Problem(nameof(Tls), "is false: a password is sent over an encrypted connection only");
        }
    }

    private static ValidationResult Problem(string name, string text) => new($"{SectionName}:{name} {text}.", [name]);
}
