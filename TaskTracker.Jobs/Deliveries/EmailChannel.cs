using System.Globalization;
using System.Net;
using System.Net.Mail;
using System.Security.Authentication;
using System.Text;
using Microsoft.Extensions.Options;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>Sends notifications as plain-text e-mail, a connection for each.</summary>
internal sealed class EmailChannel
{
    private readonly EmailOptions _options;
    private readonly TimeSpan _limit;

    public EmailChannel(IOptions<EmailOptions> options)
        : this(options, TimeSpan.FromSeconds(20))
    {
    }

    /// <param name="options">The mail server.</param>
    /// <param name="limit">How long one message may take, from connecting to the server's last word.</param>
    internal EmailChannel(IOptions<EmailOptions> options, TimeSpan limit) => (_options, _limit) = (options.Value, limit);

    /// <summary>Sends one.</summary>
    /// <exception cref="DeliveryException">The server has not taken it.</exception>
    public async Task SendAsync(ClaimedDelivery delivery, CancellationToken cancellationToken)
    {
        if (!_options.IsOn)
        {
            throw new DeliveryException("This server sends no e-mail.") { IsFinal = true };
        }

        if (!MailAddress.TryCreate(delivery.Email, out var recipient) || recipient.Address != delivery.Email)
        {
            throw new DeliveryException("The account's e-mail address is not one that can be written to.") { IsFinal = true };
        }

        using var message = Write(delivery, recipient);
        using var client = new SmtpClient(_options.Host, _options.Port)
        {
            EnableSsl = _options.UsesTls,
            Credentials = string.IsNullOrEmpty(_options.User) ? null : new NetworkCredential(_options.User, _options.Password),
        };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_limit);
        try
        {
            // Not every step of the client obeys its token, so the wait has the limit too.
            await client.SendMailAsync(message, limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Describe(exception, limit.IsCancellationRequested);
        }
    }

    /// <summary>The message. What it is about goes into headers without control characters, or a title could add headers of its own.</summary>
    private MailMessage Write(ClaimedDelivery delivery, MailAddress recipient)
    {
        var from = new MailAddress(_options.From!);
        var title = Printable(delivery.Title ?? "");
        var (subject, body) = delivery.Kind switch
        {
            null => ("Test message", "This is what you asked for: notifications reach this address."),
            "overdue" => ($"Overdue: {title}", $"{title}\n\nwas due on {delivery.DeadlineText}."),
            _ => ($"Reminder: {title}", $"{title}\n\nis due on {delivery.DeadlineText}."),
        };
        var message = new MailMessage(from, recipient)
        {
            Subject = subject,
            SubjectEncoding = Encoding.UTF8,
            Body = $"{body}\n\n-- \nTaskTracker\n",
            BodyEncoding = Encoding.UTF8,
        };

        // The same at each attempt, so that whoever gets it twice can tell. The time keeps it unique over databases.
        message.Headers.Add("Message-ID", string.Create(
            CultureInfo.InvariantCulture, $"<{delivery.CreatedAt.ToUnixTimeMilliseconds()}.{delivery.Id}@{from.Host}>"));
        message.Headers.Add("Auto-Submitted", "auto-generated");

        return message;
    }

    private static string Printable(string text) =>
        string.Concat(text.Select(letter => char.IsControl(letter) || letter is '\u2028' or '\u2029' ? ' ' : letter));

    private static DeliveryException Describe(Exception exception, bool isLate) => exception switch
    {
        _ when isLate => new("The mail server did not answer in time.", exception) { IsUnreachable = true },
        SmtpFailedRecipientException { StatusCode: >= (SmtpStatusCode)500 } refused =>
            new($"The mail server does not take messages to this address ({(int)refused.StatusCode}).", exception) { IsFinal = true },
        SmtpException { InnerException: AuthenticationException } =>
            new("No encrypted connection to the mail server could be made.", exception) { IsUnreachable = true },
        SmtpException { StatusCode: SmtpStatusCode.GeneralFailure } =>
            new("The mail server cannot be reached.", exception) { IsUnreachable = true },
        SmtpException refused => new($"The mail server did not take the message ({(int)refused.StatusCode}).", exception),
        _ => new("The message could not be sent.", exception),
    };
}
